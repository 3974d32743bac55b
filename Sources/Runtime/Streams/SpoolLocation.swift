public import Kernel

/// Where a stream keeps what nobody has read: a file name in an existing directory.
public struct SpoolLocation: Sendable {
    /// The open directory.
    public let directory: SharedDescriptor
    /// The file's name; it is made when first needed.
    public let name: String

    /// Names a file in a directory.
    public init(directory: SharedDescriptor, name: String) {
        self.directory = directory
        self.name = name
    }
}
