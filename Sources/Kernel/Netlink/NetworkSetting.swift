internal import CKernel
internal import Glibc

/// A setting of the network namespace of this thread, a file below `/proc/sys/net` (proc(5)).
public struct NetworkSetting: Hashable, Sendable {
    /// The file's path.
    public let path: String

    /// Values are a number and a newline.
    private static let valueBytesMax = 64

    /// Names a setting, such as `ipv4/ip_forward`.
    public init(_ name: String) { path = "/proc/sys/net/" + name }

    /// Gives the setting a value unless it has it; so a read-only `/proc/sys` is no error when nothing is to be done.
    ///
    /// - Throws: ENOENT when the kernel does not know the setting
    public func set(_ value: String) throws(KernelError) {
        guard try self.value() != value else { return }
        let file = try open(O_WRONLY)
        let bytes = Array(value.utf8)
        let number = file.number
        try invoke("write", path) {
            // Safe: the array outlives the call and its own count is the length.
            unsafe bytes.withUnsafeBytes { unsafe Glibc.write(number, $0.baseAddress, $0.count) }
        }
    }

    /// As ``set(_:)``, but nothing happens when the kernel does not know the setting.
    public func setIfKnown(_ value: String) throws(KernelError) {
        do throws(KernelError) { try set(value) } catch {
            guard error.errno == .noEntry else { throw error }
        }
    }

    /// The value without its newline.
    public func value() throws(KernelError) -> String {
        let file = try open(O_RDONLY)
        var buffer = [UInt8](repeating: 0, count: NetworkSetting.valueBytesMax)
        let number = file.number
        let length = try invoke("read", path) {
            // Safe: the array outlives the call and its own count is the limit.
            unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(number, $0.baseAddress, $0.count) }
        }
        return String(decoding: buffer[..<length].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    private func open(_ flags: Int32) throws(KernelError) -> Descriptor {
        let number = try invoke("open", path) {
            // Safe: the path outlives the call.
            unsafe apron_openat(AT_FDCWD, path, flags | O_CLOEXEC, 0)
        }
        return Descriptor(owning: number)
    }
}
