internal import Glibc

/// What the system says about itself and about this process.
extension CurrentProcess {
    /// The process id (getpid(2)).
    public static var id: Int32 { getpid() }

    /// Kernel release and machine (uname(2)), such as `6.12.0` and `x86_64`; empty where they cannot be had.
    public static var system: (release: String, machine: String) {
        var name = utsname()
        // Safe: uname fills the structure and ends each field with a zero byte.
        guard unsafe uname(&name) == 0 else { return ("", "") }
        let release = unsafe withUnsafeBytes(of: name.release) { field in
            unsafe String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
        }
        let machine = unsafe withUnsafeBytes(of: name.machine) { field in
            unsafe String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
        }
        return (release, machine)
    }
}
