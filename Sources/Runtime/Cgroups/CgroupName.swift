/// The name of a container's directory in a cgroup hierarchy.
///
/// Most handles are their own name. What could be taken for a control file, or what the kernel refuses, is written with
/// `%` and two hexadecimal digits, so that different handles never share a name.
enum CgroupName {
    /// The longest name of a directory entry (NAME_MAX, linux/limits.h).
    static let bytesMax = 255

    /// The directory name for a handle, which has neither `/` nor NUL and is at most 255 bytes long.
    static func name(forHandle handle: String) -> String {
        let bytes = handle.utf8
        let isShort = bytes.count < controlFileNameMax
        var name = ""
        var isFirst = true
        if !(isShort && dotlessFiles.contains(handle)) && !bytes.contains(where: { mustEscape($0, isShort) }) {
            return handle
        }
        for scalar in handle.unicodeScalars {
            let isAmbiguous = isFirst && isShort && dotlessFiles.contains(handle)
            if scalar.isASCII, isAmbiguous || mustEscape(UInt8(scalar.value), isShort) {
                name += "%" + hex(scalar.value)
            } else {
                name.unicodeScalars.append(scalar)
            }
            isFirst = false
        }
        return name
    }

    /// The handle of a directory name.
    static func handle(forName name: String) -> String {
        guard name.utf8.contains(UInt8(ascii: "%")) else { return name }
        var bytes: [UInt8] = []
        var rest = name.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let digits = String(rest.prefix(2)), let value = UInt8(digits, radix: 16) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Longer than the name of any control file (MAX_CFTYPE_NAME is 64, linux/cgroup-defs.h, and a prefix of 32).
    private static let controlFileNameMax = 100
    /// The control files without a dot in their names (kernel/cgroup/cgroup-v1.c).
    private static let dotlessFiles: Set<String> = ["tasks", "notify_on_release", "release_agent"]

    /// A dot is in every other control file's name; mkdir refuses a newline; `%` keeps the escape unique.
    private static func mustEscape(_ byte: UInt8, _ isShort: Bool) -> Bool {
        byte == UInt8(ascii: "%") || byte == UInt8(ascii: "\n") || (isShort && byte == UInt8(ascii: "."))
    }

    private static func hex(_ value: UInt32) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return value < 16 ? "0" + digits : digits
    }
}
