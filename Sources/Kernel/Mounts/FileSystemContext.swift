internal import CKernel
internal import Glibc

/// A file system that is being configured, to become a mount (fsopen(2), fsconfig(2), fsmount(2); Linux 5.2).
///
/// Errors carry what the kernel said about it, not only the number.
public struct FileSystemContext: ~Copyable {
    private let context: Descriptor
    private let type: String

    // linux/mount.h.
    private enum Command {
        static let flag: UInt32 = 0
        static let string: UInt32 = 1
        static let path: UInt32 = 3
        static let descriptor: UInt32 = 5
        static let create: UInt32 = 6
        static let reconfigure: UInt32 = 7
    }
    private static let closeOnExec: UInt32 = 1
    private static let pickEmptyPath: UInt32 = 8

    /// Starts with a type of file system.
    /// - Throws: ENODEV when the kernel does not have it
    public init(_ type: String) throws(KernelError) {
        self.type = type
        context = Descriptor(
            owning: try invoke("fsopen", type) {
                // Safe: the name lives for the call.
                unsafe apron_fsopen(type, FileSystemContext.closeOnExec)
            })
    }

    /// Picks the file system that a mount shows, to change it for all its mounts (fspick(2)).
    /// - Parameter root: the root of any mount of it
    private init(picking root: borrowing Descriptor, _ subject: String) throws(KernelError) {
        type = subject
        let number = root.number
        context = Descriptor(
            owning: try invoke("fspick", subject) {
                // Safe: the empty path names the descriptor.
                unsafe apron_fspick(number, "", FileSystemContext.closeOnExec | FileSystemContext.pickEmptyPath)
            })
    }

    /// Makes a whole file system read-only, through whatever mount it is seen. Writes out what is not on the disk yet,
    /// for an overlay all of the file system beneath it, which may take long.
    /// - Parameter root: the root of any mount of it
    /// - Throws: EBUSY while something on it is open for writing
    public static func makeReadOnly(_ root: borrowing Descriptor, _ subject: String) throws(KernelError) {
        let context = try FileSystemContext(picking: root, subject)
        try context.setFlag("ro")
        let number = context.context.number
        try context.tell("reconfigure") { apron_fsconfig(number, Command.reconfigure, nil, nil, 0) }
    }

    /// Sets a parameter that has no value.
    public borrowing func setFlag(_ key: String) throws(KernelError) {
        let number = context.number
        // Safe: the key lives for the call.
        try tell(key) { unsafe apron_fsconfig(number, Command.flag, key, nil, 0) }
    }

    /// Sets a parameter to a text; the kernel takes at most 255 bytes.
    public borrowing func set(_ key: String, _ value: String) throws(KernelError) {
        let number = context.number
        // Safe: key and value live for the call, and the value ends with NUL.
        try tell("\(key)=\(value)") { unsafe apron_fsconfig(number, Command.string, key, value, 0) }
    }

    /// Sets a parameter to an open file or directory.
    public borrowing func set(_ key: String, to descriptor: borrowing Descriptor) throws(KernelError) {
        try set(key, toNumber: descriptor.number)
    }

    /// Sets a parameter to an open directory.
    public borrowing func set(_ key: String, to directory: Directory) throws(KernelError) {
        try set(key, toNumber: directory.number)
    }

    private borrowing func set(_ key: String, toNumber value: Int32) throws(KernelError) {
        let number = context.number
        // Safe: the key lives for the call.
        try tell("\(key)=descriptor") { unsafe apron_fsconfig(number, Command.descriptor, key, nil, value) }
    }

    /// Sets a parameter to a path that the kernel looks up now, from a directory.
    public borrowing func set(_ key: String, path: String, from directory: Directory) throws(KernelError) {
        let number = context.number
        // Safe: key and path live for the call.
        try tell("\(key)=\(path)") { unsafe apron_fsconfig(number, Command.path, key, path, directory.number) }
    }

    /// Makes the file system and a detached mount of it.
    public consuming func mount(_ attributes: MountAttributes = []) throws(KernelError) -> MountTree {
        let number = context.number
        try tell("create") { apron_fsconfig(number, Command.create, nil, nil, 0) }
        var mounted: Int32 = -1
        try tell("mount") {
            mounted = apron_fsmount(
                number, FileSystemContext.closeOnExec, UInt32(truncatingIfNeeded: attributes.rawValue))
            return mounted
        }
        return MountTree(Descriptor(owning: mounted), source: type)
    }

    /// Makes a call about the context; on failure adds the kernel's own words.
    private borrowing func tell(_ what: String, _ body: () -> Int32) throws(KernelError) {
        do throws(KernelError) { try invoke("fsconfig", nil, body) } catch {
            let said = messages()
            let subject = said.isEmpty ? "\(type) \(what)" : "\(type) \(what): \(said.joined(separator: "; "))"
            throw KernelError(call: what == "mount" ? "fsmount" : "fsconfig", errno: error.errno, subject: subject)
        }
    }

    /// The messages that the kernel has about this context; each read(2) takes one, ENODATA when there are no more.
    private borrowing func messages() -> [String] {
        // The kernel keeps at most eight, of any length; a longer one than this is skipped (EMSGSIZE).
        let (messagesMax, bytesMax) = (8, 1024)
        var found: [String] = []
        var buffer = [UInt8](repeating: 0, count: bytesMax)
        for _ in 0..<messagesMax {
            // Safe: at most the bytes of the buffer are written.
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe Glibc.read(context.number, $0.baseAddress, $0.count)
            }
            if count <= 0 { break }
            let text = String(decoding: buffer[..<count], as: UTF8.self)
            // "e overlay: …": the letter is the severity.
            found.append(String(text.drop { $0 != " " }.dropFirst().prefix { !$0.isNewline }))
        }
        return found
    }
}
