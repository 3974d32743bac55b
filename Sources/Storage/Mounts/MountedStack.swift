internal import Kernel

/// What an overlay of a volume was made of; written as the source of the mount, where the next daemon finds it.
struct MountedStack: Hashable, Sendable {
    /// The topmost layer.
    let top: String
    let depth: Int
    let owners: Owners
    let isWritable: Bool

    init?(_ stack: LayerStack) {
        guard let top = stack.layers.first else { return nil }
        self.top = top.id
        depth = stack.layers.count
        owners = stack.owners
        isWritable = stack.writable != nil
    }

    /// Such as `apron-rw-shifted-2-0123456789abcdef`.
    var source: String { "apron-\(isWritable ? "rw" : "ro")-\(owners.rawValue)-\(depth)-\(top)" }

    /// Nil for a mount that is none of ours.
    init?(source: String) {
        let fields = source.split(separator: "-", omittingEmptySubsequences: false)
        guard fields.count == 5, fields[0] == "apron", fields[1] == "rw" || fields[1] == "ro",
            let owners = Owners(rawValue: String(fields[2])), let depth = Int(fields[3])
        else { return nil }
        top = String(fields[4])
        self.depth = depth
        self.owners = owners
        isWritable = fields[1] == "rw"
    }
}
