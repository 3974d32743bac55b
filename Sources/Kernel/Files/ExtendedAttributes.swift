internal import CKernel
internal import Glibc

/// The name of an extended attribute, such as `user.comment`: any bytes but NUL (xattr(7)).
public struct AttributeName: Hashable, Sendable, CustomStringConvertible {
    /// With a closing NUL.
    let bytes: [CChar]

    init(bytes: [CChar]) { self.bytes = bytes }

    /// Names an attribute.
    public init(_ name: String) { bytes = name.utf8.map { CChar(bitPattern: $0) } + [0] }

    /// Whether the name begins so.
    public func hasPrefix(_ prefix: String) -> Bool {
        bytes.lazy.map { UInt8(bitPattern: $0) }.starts(with: prefix.utf8)
    }

    /// The name, with replacement characters where it is not UTF-8.
    public var description: String { String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self) }

    /// What a program may do that its user may not (capabilities(7)).
    public static let capability = AttributeName("security.capability")
}

/// Extended attributes of an object that may be named only (O_PATH), also of a symbolic link, whose own are meant.
///
/// ACLs are among them, as `system.posix_acl_access` and `system.posix_acl_default` (acl(5)).
extension Descriptor {
    // The kernel's own bounds for the list and for a value (XATTR_LIST_MAX, XATTR_SIZE_MAX, linux/limits.h).
    private static let attributeBytesMax = 64 * 1024
    // Holds nearly every list and value, so that one call does.
    private static let attributeBytesUsual = 1024

    /// The names of all attributes that this process may see; none where the file system has no attributes.
    public borrowing func attributes(_ subject: @autoclosure () -> String) throws(KernelError) -> [AttributeName] {
        let path = procPath
        do throws(KernelError) {
            let list = unsafe try Descriptor.filled("listxattr", subject()) { buffer, count in
                // Safe: the path lives for the call, which fills at most the bytes of the buffer.
                unsafe apron_list_attributes(path, buffer, count)
            }
            return list.split(separator: 0).map { AttributeName(bytes: $0 + [0]) }
        } catch  where error.errno == .notSupported { return [] }
    }

    /// The value of an attribute; nil when there is none.
    public borrowing func attribute(
        _ name: AttributeName, _ subject: @autoclosure () -> String
    ) throws(KernelError) -> [UInt8]? {
        let path = procPath
        do throws(KernelError) {
            return unsafe try Descriptor.filled("getxattr", "\(subject()): \(name)") { buffer, count in
                // Safe: path and name live for the call, which fills at most the bytes of the buffer.
                unsafe apron_get_attribute(path, name.bytes, buffer, count)
            }.map { UInt8(bitPattern: $0) }
        } catch  where error.errno == .noData || error.errno == .notSupported { return nil }
    }

    /// Makes or replaces an attribute.
    /// - Throws: EOPNOTSUPP where the file system has no such attributes; EPERM; ENOSPC
    public borrowing func setAttribute(
        _ name: AttributeName, _ value: [UInt8], _ subject: @autoclosure () -> String
    ) throws(KernelError) {
        let path = procPath
        try invoke("setxattr", "\(subject()): \(name)") {
            // Safe: path, name and value live for the call, and the value's own count is its length.
            unsafe apron_set_attribute(path, name.bytes, value, value.count)
        }
    }

    /// Calls with a usual buffer, then with the largest one (ERANGE).
    private static func filled(
        _ call: StaticString, _ subject: @autoclosure () -> String,
        _ fill: (UnsafeMutablePointer<CChar>?, Int) -> Int
    ) throws(KernelError) -> ArraySlice<CChar> {
        do throws(KernelError) {
            return unsafe try filled(call, subject(), attributeBytesUsual, fill)
        } catch  where error.errno.rawValue == ERANGE {
            return unsafe try filled(call, subject(), attributeBytesMax, fill)
        }
    }

    private static func filled(
        _ call: StaticString, _ subject: @autoclosure () -> String, _ capacity: Int,
        _ fill: (UnsafeMutablePointer<CChar>?, Int) -> Int
    ) throws(KernelError) -> ArraySlice<CChar> {
        var buffer = [CChar](repeating: 0, count: capacity)
        // Safe: the body fills at most the bytes of the buffer and says how many.
        let count = try invoke(call, subject()) {
            unsafe buffer.withUnsafeMutableBufferPointer { unsafe fill($0.baseAddress, $0.count) }
        }
        return buffer[..<count]
    }
}
