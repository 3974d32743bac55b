/// What a walk through a directory tree did.
public struct TreeCount: Sendable, Hashable {
    /// Entries of every kind that were copied, changed or counted; the top itself is none.
    public var files: UInt64 = 0
    /// Bytes of contents, each file once however many names it has; holes are left out where they were found.
    public var bytes: UInt64 = 0
    /// Entries that were removed by somebody while the walk was on its way.
    public var vanished: UInt64 = 0
    /// Entries that were left out: sockets, which mean nothing without the program that made them, and links to nowhere
    /// where links are followed.
    public var leftOut: UInt64 = 0
    /// Extended attributes that the target's file system does not take.
    public var attributesLost: UInt64 = 0

    /// Nothing yet.
    public init() {}
}
