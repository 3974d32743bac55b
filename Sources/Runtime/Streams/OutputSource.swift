public import Kernel

/// Where a program's output is taken from. Process 1 of the container has duplicates of every descriptor in it, so that
/// what is in a pipe outlives the daemon.
public enum OutputSource: Sendable {
    /// The read end of a pipe that programs write to.
    case pipe(SharedDescriptor)
    /// The master of a terminal, and a pipe to which its output is moved by the kernel alone: a terminal cannot be
    /// spliced to a socket, and what is read from it into memory would be lost with the daemon.
    case terminal(master: SharedDescriptor, reader: SharedDescriptor, writer: SharedDescriptor)
}

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
