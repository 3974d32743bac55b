/// One directory of files in a volume's stack: `layers/<id>/files`, with `layers/<id>/work` beside it for overlayfs.
///
/// A layer belongs to every volume whose record names it, and is deleted when none does.
public struct Layer: Sendable, Hashable, Codable {
    /// Names the directory: 16 lower-case hexadecimal digits, chosen at random.
    public let id: String
    /// How the owners of its files are written on disk.
    public let owners: Owners

    /// Describes a layer.
    public init(id: String, owners: Owners) {
        self.id = id
        self.owners = owners
    }
}

/// How the owners of a layer's files are written on disk, or how a volume shows them.
///
/// With M for the highest id that is valid here (see ``OwnerMaps``), the container's root is 0 in one way and M in the
/// other; all other ids are the same in both.
public enum Owners: String, Sendable, Hashable, Codable, CaseIterable {
    /// Root is 0: privileged containers, imported trees.
    case plain
    /// Root is M: containers with a user namespace.
    case shifted
}

/// The layers of a volume, topmost first, and how it shows them.
public struct LayerStack: Sendable, Hashable, Codable {
    /// Topmost first; empty for a volume that nobody has written to.
    public var layers: [Layer]
    /// How the volume shows the owners of all files.
    public var owners: Owners
    /// Whether the topmost layer takes no more changes; others never do.
    public var isSealed: Bool

    /// Describes a stack.
    public init(layers: [Layer] = [], owners: Owners, isSealed: Bool = false) {
        self.layers = layers
        self.owners = owners
        self.isSealed = isSealed
    }

    /// The layer that takes changes, if there is one.
    public var writable: Layer? { isSealed ? nil : layers.first }
}
