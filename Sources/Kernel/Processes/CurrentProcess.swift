internal import CKernel
internal import Glibc

/// What this process knows of itself and may change for itself.
public enum CurrentProcess {
    /// The effective user id (geteuid(2)).
    public static var effectiveUser: UInt32 { geteuid() }

    /// The host's name (gethostname(2)), at most 64 bytes.
    public static var hostName: String {
        var name = utsname()
        // Safe: uname fills the structure and ends each field with a zero byte.
        guard unsafe uname(&name) == 0 else { return "localhost" }
        return unsafe withUnsafeBytes(of: name.nodename) { field in
            unsafe String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// The absolute path of the running program, from `/proc/self/exe`.
    public static func executablePath() throws(KernelError) -> String { try readLink("/proc/self/exe") }

    /// The working directory, from `/proc/self/cwd`.
    public static func workingDirectory() throws(KernelError) -> String { try readLink("/proc/self/cwd") }

    /// Whether `path` names a regular file that this process may execute, links followed.
    public static func isExecutableFile(_ path: String) -> Bool {
        var status = stat()
        // Safe: stat(2) fills the structure.
        guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
        // Safe: the path lives for the call.
        return unsafe access(path, X_OK) == 0
    }

    /// The variables the process was started with, from `/proc/self/environ`; the first of a name wins.
    public static func environment() throws(KernelError) -> [String: String] {
        var variables: [String: String] = [:]
        for entry in try KernelFile.read("/proc/self/environ").split(separator: "\0") {
            guard let equals = entry.firstIndex(of: "=") else { continue }
            let name = String(entry[..<equals])
            if variables[name] == nil { variables[name] = String(entry[entry.index(after: equals)...]) }
        }
        return variables
    }

    /// Removes a variable, so that no child inherits it (unsetenv(3)). To be called before threads are started.
    public static func removeFromEnvironment(_ name: String) {
        // Safe: the name lives for the call, and the caller promises that no other thread reads the environment.
        _ = unsafe unsetenv(name)
    }

    /// Raises the soft limit of open files to the hard one (setrlimit(2) RLIMIT_NOFILE); answers the limit in force.
    @discardableResult
    public static func raiseOpenFileLimit() throws(KernelError) -> UInt64 {
        let resource = Int32(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        // Safe: getrlimit fills the structure.
        try invoke("getrlimit", "nofile") { unsafe getrlimit(resource, &limit) }
        if limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            // Safe: setrlimit only reads the structure.
            try invoke("setrlimit", "nofile") { unsafe setrlimit(resource, &limit) }
        }
        return UInt64(limit.rlim_cur)
    }

    /// Makes writes to a stream without a reader fail with EPIPE instead of killing the process.
    public static func ignoreBrokenPipes() {
        _ = signal(SIGPIPE, SIG_IGN)
    }

    /// Threads that are started from now on share one heap. Each would begin with one of its own, which takes time that
    /// only a program that runs for long gets back.
    public static func shareOneHeap() { apron_heap_unite() }

    /// Opens `/dev/null` for each of the descriptors 0, 1 and 2 that the process was started without, since the next
    /// file opened would otherwise become a standard stream.
    public static func openMissingStandardStreams() throws(KernelError) {
        for number: Int32 in 0...2 where apron_fcntl(number, F_GETFD, 0) < 0 {
            let opened = try invoke("open", "/dev/null") {
                // Safe: the path is a constant.
                unsafe apron_openat(AT_FDCWD, "/dev/null", O_RDWR, 0)
            }
            // The kernel hands out the lowest free number, which is this one.
            precondition(opened == number, "descriptor \(number)")
        }
    }

    private static func readLink(_ path: String) throws(KernelError) -> String {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        // Safe: readlink writes at most as many bytes as the array holds.
        let length = try invoke("readlink", path) { unsafe readlink(path, &target, target.count) }
        // Safe: the bytes live for the call.
        return unsafe target.withUnsafeBytes { bytes in
            unsafe String(decoding: UnsafeRawBufferPointer(rebasing: bytes[..<length]), as: UTF8.self)
        }
    }
}
