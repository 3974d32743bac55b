internal import CKernel
internal import Glibc

/// A directory in which each file is somebody's lease of the thing that the file is named after.
///
/// Creating a file is atomic, so several processes can share the directory without talking to each other. Nothing is
/// synced: a lease need not outlive the host.
public struct LeaseDirectory: Sendable {
    /// How two processes may hold the directory's lock at a time (flock(2)).
    public enum Sharing: Sendable {
        /// With others that share it.
        case shared
        /// Alone.
        case exclusive
    }

    /// The directory's path.
    public let path: String
    private let directory: SharedDescriptor

    /// A holder's name is at most a file name long.
    private static let holderBytesMax = 255
    private static let lockName = ".lock"

    /// Opens the directory, which is made (mode 0700) when there is none; its parent must exist.
    public init(_ path: String) throws(KernelError) {
        self.path = path
        do throws(KernelError) {
            // Safe: the path outlives the call.
            try invoke("mkdir", path) { unsafe mkdir(path, 0o700) }
        } catch  where error.errno == .exists {}
        let number = try invoke("openat", path) {
            // Safe: the path outlives the call.
            unsafe apron_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        }
        directory = SharedDescriptor(Descriptor(owning: number))
    }

    /// Leases a name to a holder; false when somebody has it.
    public func lease(_ name: String, to holder: String) throws(KernelError) -> Bool {
        let file: Descriptor
        do throws(KernelError) {
            file = try open(name, O_WRONLY | O_CREAT | O_EXCL)
        } catch {
            guard error.errno == .exists else { throw error }
            return false
        }
        do throws(KernelError) {
            let bytes = Array(holder.utf8)
            let number = file.number
            let written = try invoke("write", "\(path)/\(name)") {
                // Safe: the array outlives the call and its own count is the length.
                unsafe bytes.withUnsafeBytes { unsafe Glibc.write(number, $0.baseAddress, $0.count) }
            }
            guard written == bytes.count else {
                throw KernelError(call: "write", errno: .noSpace, subject: "\(path)/\(name)")
            }
        } catch {
            _ = try? remove(name)
            throw error
        }
        return true
    }

    /// Who holds a name; nil when nobody does. Empty when the process that leased it died half-way.
    public func holder(of name: String) throws(KernelError) -> String? {
        let file: Descriptor
        do throws(KernelError) {
            file = try open(name, O_RDONLY)
        } catch {
            guard error.errno == .noEntry else { throw error }
            return nil
        }
        var buffer = [UInt8](repeating: 0, count: LeaseDirectory.holderBytesMax)
        let number = file.number
        let length = try invoke("read", "\(path)/\(name)") {
            // Safe: the array outlives the call and its own count is the limit.
            unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(number, $0.baseAddress, $0.count) }
        }
        return String(decoding: buffer[..<length], as: UTF8.self)
    }

    /// Gives a name up; false when nobody had it.
    @discardableResult
    public func remove(_ name: String) throws(KernelError) -> Bool {
        try directory.with { (directory) throws(KernelError) in
            let number = directory.number
            do throws(KernelError) {
                // Safe: the name outlives the call.
                try invoke("unlinkat", "\(path)/\(name)") { unsafe unlinkat(number, name, 0) }
                return true
            } catch {
                guard error.errno == .noEntry else { throw error }
                return false
            }
        }
    }

    /// The names that are leased, in no order; at most `limit`.
    public func names(limit: Int) throws(KernelError) -> [String] {
        // A descriptor of its own, since the reading position belongs to the open file.
        let number = try open(".", O_RDONLY | O_DIRECTORY).release()
        // Safe: the stream owns the descriptor from here on and is closed once, at the end of the scope.
        guard let stream = unsafe fdopendir(number) else {
            let errno = ErrorNumber.current
            close(number)
            throw KernelError(call: "fdopendir", errno: errno, subject: path)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while names.count < limit {
            Glibc.errno = 0
            // Safe: the entry is valid until the next call on this stream, which no other thread uses.
            guard let entry = unsafe readdir(stream) else {
                let errno = ErrorNumber.current
                if errno.rawValue != 0 { throw KernelError(call: "readdir", errno: errno, subject: path) }
                break
            }
            // Safe: d_name ends with a zero byte within the entry.
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) {
                unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }

    /// Holds the directory's lock, in this process and against others, while `body` runs.
    public func locked<Result>(_ sharing: Sharing, _ body: () throws -> Result) throws -> Result {
        // Each holder has an open file of its own, since the lock belongs to the open file.
        let file = try open(LeaseDirectory.lockName, O_RDWR | O_CREAT)
        let number = file.number
        try invoke("flock", path) { flock(number, sharing == .shared ? LOCK_SH : LOCK_EX) }
        defer { flock(file.number, LOCK_UN) }

        return try body()
    }

    private func open(_ name: String, _ flags: Int32) throws(KernelError) -> Descriptor {
        try directory.with { (directory) throws(KernelError) in
            let number = directory.number
            return Descriptor(
                owning: try invoke("openat", "\(path)/\(name)") {
                    // Safe: the name outlives the call.
                    unsafe apron_openat(number, name, flags | O_CLOEXEC | O_NOFOLLOW, 0o600)
                })
        }
    }
}
