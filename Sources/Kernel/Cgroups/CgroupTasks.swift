internal import Glibc

/// The file `tasks` of a v1 group, held open for a thread to join the group.
///
/// Opening a file takes kernel memory that is charged to the thread's memory group, which may have none left; writing
/// to an open one does not.
public final class CgroupTasks: Sendable {
    private let descriptor: Descriptor
    private let path: String

    /// Opens the file of a group beneath `directory`, or of itself (`.`).
    public init(_ directory: CgroupDirectory, group: String) throws(KernelError) {
        let file = group == "." ? "tasks" : "\(group)/tasks"
        descriptor = try directory.openFile(file, writable: true)
        path = directory.subject(file)
    }

    /// Moves the calling thread into the group. A thread that moves itself does not wait for others (Linux 5.5).
    public func join() throws(KernelError) {
        let text: StaticString = "0"
        try invoke("write", "\(path) = 0") {
            // Safe: one byte of a constant.
            unsafe write(descriptor.number, text.utf8Start, 1)
        }
    }
}
