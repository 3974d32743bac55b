internal import CKernel
internal import Glibc

/// The mounts of a mount namespace at one moment (proc_pid_mountinfo(5)).
public struct MountTable: Sendable {
    /// One mount.
    public struct Entry: Hashable, Sendable {
        /// The mount's id; unique while it exists.
        public let id: UInt64
        /// The id of the mount that it is mounted on.
        public let parent: UInt64
        /// The file system's device number.
        public let device: DeviceNumber
        /// The directory of the file system that is the root of this mount.
        public let root: String
        /// Where it is mounted, from the reading process's root.
        public let point: String
        /// Its own options, such as `rw,nosuid`.
        public let options: String
        /// How it propagates, such as `shared:1`; empty for private mounts.
        public let propagation: [String]
        /// The type of its file system.
        public let type: String
        /// What was given as the source.
        public let source: String
        /// The file system's options.
        public let superOptions: String

        init?(line: Substring) {
            let fields = line.split(separator: " ", omittingEmptySubsequences: false)
            guard fields.count >= 10, let dash = fields[6...].firstIndex(of: "-"), dash + 3 < fields.count,
                let id = UInt64(fields[0]), let parent = UInt64(fields[1])
            else { return nil }
            let numbers = fields[2].split(separator: ":").compactMap { UInt32($0) }
            guard numbers.count == 2 else { return nil }
            self.id = id
            self.parent = parent
            device = DeviceNumber(major: numbers[0], minor: numbers[1])
            root = Entry.unescape(fields[3])
            point = Entry.unescape(fields[4])
            options = String(fields[5])
            propagation = fields[6..<dash].map(String.init)
            type = String(fields[dash + 1])
            source = Entry.unescape(fields[dash + 2])
            superOptions = Entry.unescape(fields[dash + 3])
        }

        /// Undoes the kernel's octal escapes of space, tab, newline, backslash and `#`.
        private static func unescape(_ field: Substring) -> String {
            guard field.utf8.contains(UInt8(ascii: "\\")) else { return String(field) }
            var bytes: [UInt8] = []
            var rest = field.utf8[...]
            while let byte = rest.popFirst() {
                let digits = rest.prefix(3)
                if byte == UInt8(ascii: "\\"), digits.count == 3, let code = UInt8(String(digits) ?? "", radix: 8) {
                    bytes.append(code)
                    rest = rest.dropFirst(3)
                } else {
                    bytes.append(byte)
                }
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    /// The mounts, parents before children; of several on one point the last is on top.
    public let entries: [Entry]

    /// Reads the table of this process, or of another one by its pid.
    public init(pid: Int32? = nil) throws(KernelError) {
        let path = "/proc/\(pid.map { "\($0)" } ?? "self")/mountinfo"
        // A hundred thousand mounts, which is fs.mount-max, of a few hundred bytes each.
        let bytesMax = 64 << 20
        let file = try openResolving(workingDirectory, path, .readOnly, mode: 0, [], path)
        self.init(text: String(decoding: try file.readContents(limit: bytesMax, path), as: UTF8.self))
    }

    /// Reads the text of a mountinfo file; lines that make no sense are left out.
    public init(text: String) {
        entries = text.split(separator: "\n").compactMap { Entry(line: $0) }
    }

    /// What is mounted on this very path, the topmost one; nil when nothing is.
    public func topmost(at point: String) -> Entry? { entries.last { $0.point == point } }
}
