internal import CKernel
internal import Glibc

/// How a file is opened (open(2)). Close-on-exec is always added.
public struct OpenFlags: OptionSet, Sendable {
    /// The O_* bits; bits without a name here are kept.
    public let rawValue: Int32

    /// Wraps O_* bits.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// For reading, which is what no bits mean.
    public static let readOnly: OpenFlags = []
    /// For writing.
    public static let writeOnly = OpenFlags(rawValue: O_WRONLY)
    /// For both.
    public static let readWrite = OpenFlags(rawValue: O_RDWR)
    /// Makes a missing file.
    public static let create = OpenFlags(rawValue: O_CREAT)
    /// With ``create``: fails when the name exists, also as a symbolic link.
    public static let exclusive = OpenFlags(rawValue: O_EXCL)
    /// Empties an existing file.
    public static let truncate = OpenFlags(rawValue: O_TRUNC)
    /// Every write goes to the end.
    public static let append = OpenFlags(rawValue: O_APPEND)
    /// Neither the open nor reads and writes wait, so that a FIFO of a container cannot hold the caller.
    public static let nonBlocking = OpenFlags(rawValue: O_NONBLOCK)
    /// Fails unless it is a directory.
    public static let directory = OpenFlags(rawValue: O_DIRECTORY)
    /// Fails with ELOOP when the last component is a symbolic link.
    public static let noFollow = OpenFlags(rawValue: O_NOFOLLOW)
    /// A terminal does not become the controlling one.
    public static let noControllingTerminal = OpenFlags(rawValue: O_NOCTTY)
    /// Names the object without opening it: no side effects, no reading (O_PATH; its value is the same on x86-64 and
    /// AArch64, and glibc hides it from Swift).
    public static let path = OpenFlags(rawValue: 0o10000000)
}

/// Where a path may lead (openat2(2), Linux 5.6).
struct ResolveFlags: OptionSet, Sendable {
    let rawValue: UInt64

    static let noCrossing = ResolveFlags(rawValue: 0x01)  // RESOLVE_NO_XDEV
    static let noMagicLinks = ResolveFlags(rawValue: 0x02)
    static let noSymlinks = ResolveFlags(rawValue: 0x04)
    static let beneath = ResolveFlags(rawValue: 0x08)
    static let inRoot = ResolveFlags(rawValue: 0x10)
}

/// A directory as the start of a call's path, or the process's own working directory.
let workingDirectory: Int32 = AT_FDCWD

/// openat2(2) with close-on-exec; tries again when a rename elsewhere made the kernel unsure of `..`.
func openResolving(
    _ directory: Int32, _ path: String, _ flags: OpenFlags, mode: UInt32, _ resolve: ResolveFlags,
    _ subject: @autoclosure () -> String
) throws(KernelError) -> Descriptor {
    try PathName.checkPath(path)
    let name = path.utf8.map { CChar(bitPattern: $0) } + [0]
    return try openResolving(directory, rawName: name, flags, mode: mode, resolve, subject())
}

/// As above for a path of any bytes with a closing NUL.
func openResolving(
    _ directory: Int32, rawName name: [CChar], _ flags: OpenFlags, mode: UInt32 = 0, _ resolve: ResolveFlags,
    _ subject: @autoclosure () -> String
) throws(KernelError) -> Descriptor {
    // A hostile container can rename without end, so the number of tries is bounded; 64 outlasts accidents.
    let triesMax = 64
    let bits = UInt64(UInt32(bitPattern: flags.rawValue | O_CLOEXEC))
    // openat2 refuses a mode unless a file may be made.
    let mode = flags.contains(.create) ? UInt64(mode) : 0
    var tries = 0
    while true {
        tries += 1
        do throws(KernelError) {
            return Descriptor(
                owning: try invoke("openat2", subject()) {
                    // Safe: the name ends with NUL and lives for the call.
                    unsafe apron_openat2(directory, name, bits, mode, resolve.rawValue)
                })
        } catch  where error.errno == .tryAgain && tries < triesMax {}
    }
}
