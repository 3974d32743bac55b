internal import CKernel
internal import Glibc

/// A file of procfs, sysfs or cgroupfs: read whole, or written with exactly one write(2), as those file systems want it.
public enum KernelFile {
    /// More than any such file has that is read here; a longer one is cut off.
    private static let bytesMax = 1 << 20

    /// Reads the file at an absolute path of the host.
    public static func read(_ path: String) throws(KernelError) -> String {
        let file = Descriptor(
            owning: try invoke("openat", path) { unsafe apron_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0) })
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        while text.count < bytesMax {
            let number = file.number
            // Safe: the buffer outlives the call and bounds what it writes.
            let count = try invoke("read", path) {
                unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(number, $0.baseAddress, $0.count) }
            }
            if count == 0 { break }
            text.append(contentsOf: chunk.prefix(count))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Writes `text` to the file at an absolute path of the host.
    public static func write(_ text: String, to path: String) throws(KernelError) {
        let file = Descriptor(
            owning: try invoke("openat", path) { unsafe apron_openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0) })
        try write(text, to: file, subject: path)
    }

    /// Writes `text` to an open file.
    public static func write(_ text: String, to file: borrowing Descriptor, subject: String) throws(KernelError) {
        let bytes = Array(text.utf8)
        let number = file.number
        // Safe: the buffer outlives the call.
        try invoke("write", "\(text) to \(subject)") {
            unsafe bytes.withUnsafeBytes { unsafe Glibc.write(number, $0.baseAddress, $0.count) }
        }
    }

    /// Opens a namespace or another file of procfs for holding on to.
    public static func open(_ path: String, writable: Bool = false) throws(KernelError) -> Descriptor {
        Descriptor(
            owning: try invoke("openat", path) {
                unsafe apron_openat(AT_FDCWD, path, (writable ? O_WRONLY : O_RDONLY) | O_CLOEXEC, 0)
            })
    }
}
