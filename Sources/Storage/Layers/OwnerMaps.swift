public import Kernel

/// The two ways between how owners are written and how they are shown, as user namespaces for id-mapped mounts.
public struct OwnerMaps: Sendable {
    /// The host's id of the container's root: M of ``Owners``.
    public let containerRoot: UInt32
    /// Shows 0 as M: for a plain layer in a volume that shows shifted owners.
    public let shifting: SharedDescriptor
    /// Shows M as 0: for a shifted layer in a volume that shows plain owners.
    public let unshifting: SharedDescriptor

    /// Takes over the namespaces.
    public init(containerRoot: UInt32, shifting: SharedDescriptor, unshifting: SharedDescriptor) {
        self.containerRoot = containerRoot
        self.shifting = shifting
        self.unshifting = unshifting
    }

    /// The namespace by which a layer must be mapped to be shown, or nil when it is shown as it is.
    public func map(of layer: Owners, shownAs view: Owners) -> SharedDescriptor? {
        if layer == view { return nil }
        return view == .shifted ? shifting : unshifting
    }

    /// The id on disk of an id as the container sees it.
    public func onDisk(_ id: UInt32, _ owners: Owners) -> UInt32 { owners == .shifted && id == 0 ? containerRoot : id }
}
