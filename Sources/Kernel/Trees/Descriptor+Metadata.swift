internal import CKernel
internal import Glibc

/// What belongs to an open object besides its contents; O_PATH will do, also of a symbolic link, which is meant itself.
extension Descriptor {
    /// Sets owner and group. Takes set-user-id, set-group-id and capabilities away from programs (chown(2)).
    public borrowing func setOwner(
        uid: UInt32, gid: UInt32, _ subject: @autoclosure () -> String
    ) throws(KernelError) {
        let number = number
        // Safe: the empty path names the descriptor.
        try invoke("fchownat", subject()) { unsafe fchownat(number, "", uid, gid, emptyPath) }
    }

    /// Sets the 12 permission bits; not for symbolic links, which have none (EOPNOTSUPP).
    public borrowing func setMode(_ mode: UInt32, _ subject: @autoclosure () -> String) throws(KernelError) {
        let path = procPath
        // Safe: the path lives for the call.
        try invoke("chmod", subject()) { unsafe chmod(path, mode) }
    }

    /// Sets the times of the last reading and of the last change; nanoseconds since the epoch.
    public borrowing func setTimes(
        accessed: Int64, modified: Int64, _ subject: @autoclosure () -> String
    ) throws(KernelError) {
        let path = procPath
        // Safe: the path lives for the call.
        try invoke("utimensat", subject()) { unsafe apron_set_times(path, accessed, modified) }
    }

    /// What an open symbolic link (O_PATH) says.
    public borrowing func linkText(_ subject: @autoclosure () -> String) throws(KernelError) -> LinkText {
        let number = number
        var text = [CChar](repeating: 0, count: PathName.pathBytesMax)
        let count = try invoke("readlinkat", subject()) {
            // Safe: the empty path names the descriptor; the call writes at most the bytes of the buffer.
            unsafe readlinkat(number, "", &text, PathName.pathBytesMax)
        }
        return LinkText(bytes: text[..<count] + [0])
    }

    /// Opens what this descriptor (O_PATH) names, the very same object whatever its name leads to by now.
    /// - Parameter flags: add ``OpenFlags/nonBlocking`` unless it is known to be a regular file or a directory
    public borrowing func reopened(
        _ flags: OpenFlags, _ subject: @autoclosure () -> String
    ) throws(KernelError) -> Descriptor {
        let path = procPath
        return Descriptor(
            owning: try invoke("openat", subject()) {
                // Safe: the path lives for the call.
                unsafe apron_openat(workingDirectory, path, flags.rawValue | O_CLOEXEC, 0)
            })
    }
}
