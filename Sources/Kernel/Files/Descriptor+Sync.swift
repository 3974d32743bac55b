internal import CKernel
internal import Glibc

extension Descriptor {
    /// Returns when the file's contents and attributes are on the disk (fsync(2)). Its name is not: that belongs to the
    /// directory, see ``Directory/synchronize()``.
    /// - Throws: EIO when something could not be written; what was lost is not known then
    public borrowing func synchronize(_ subject: @autoclosure () -> String) throws(KernelError) {
        let number = number
        try invoke("fsync", subject()) { fsync(number) }
    }
}

extension Directory {
    /// Returns when everything that was written to the directory's file system before is on the disk (syncfs(2)).
    /// - Throws: EIO when something could not be written (Linux 5.8)
    public func synchronizeFileSystem() throws(KernelError) {
        let opened = try openResolving(number, ".", [.directory], mode: 0, .beneath, path)
        let descriptor = opened.number
        try invoke("syncfs", path) { apron_syncfs(descriptor) }
    }
}
