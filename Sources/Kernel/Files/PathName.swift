internal import Glibc

/// One component of a path: the name that an entry has in its directory.
public struct PathName: Hashable, Sendable, CustomStringConvertible {
    /// The name.
    public let string: String

    /// The longest name that Linux file systems take, in bytes (NAME_MAX, limits.h).
    public static let bytesMax = 255
    /// The longest path that the kernel takes in one call, in bytes with the closing NUL (PATH_MAX, limits.h).
    public static let pathBytesMax = 4096

    /// Checks a name: 1 to 255 bytes, neither `.` nor `..`, no slash and no NUL.
    /// - Throws: EINVAL, or ENAMETOOLONG, with the name.
    public init(_ string: String) throws(KernelError) {
        try PathName.check(string)
        self.string = string
    }

    /// Whether `name` is a single component that may be used as an entry's name.
    public static func isValid(_ name: String) -> Bool {
        let bytes = name.utf8
        return !bytes.isEmpty && bytes.count <= bytesMax && name != "." && name != ".."
            && !bytes.contains { $0 == 0 || $0 == UInt8(ascii: "/") }
    }

    /// Throws what is wrong with a name; see ``init(_:)``.
    static func check(_ name: String) throws(KernelError) {
        if isValid(name) { return }
        let errno: ErrorNumber = name.utf8.count > bytesMax ? .nameTooLong : .invalid
        throw KernelError(call: "name", errno: errno, subject: printable(name))
    }

    /// Throws EINVAL for a path with a NUL in it, which the kernel would see cut short, and for an empty one.
    static func checkPath(_ path: String) throws(KernelError) {
        if path.isEmpty || path.utf8.contains(0) {
            throw KernelError(call: "path", errno: .invalid, subject: printable(path))
        }
        if path.utf8.count >= pathBytesMax {
            throw KernelError(call: "path", errno: .nameTooLong, subject: String(path.prefix(64)) + "…")
        }
    }

    /// The name.
    public var description: String { string }

    private static func printable(_ name: String) -> String {
        "\"" + String(String.UnicodeScalarView(name.unicodeScalars.prefix(64).map { $0.value < 32 ? "?" : $0 })) + "\""
    }
}
