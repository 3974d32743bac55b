internal import Worker

/// What may name a container or a process: it becomes the name of a directory.
enum NameRules {
    /// The longest file name on Linux's file systems, in bytes.
    static let maximumBytes = 255

    /// The name, if it may be one.
    static func check(_ name: String, as kind: String) throws(WorkerError) -> String {
        let bytes = name.utf8
        if bytes.isEmpty { throw WorkerError(.invalid, "\(kind) must not be empty") }
        if bytes.count > maximumBytes {
            throw WorkerError(.invalid, "\(kind) must not exceed \(maximumBytes) bytes, has \(bytes.count)")
        }
        if bytes.contains(UInt8(ascii: "/")) {
            throw WorkerError(.invalid, "\(kind) must not contain a slash: \(name)")
        }
        if bytes.contains(0) { throw WorkerError(.invalid, "\(kind) must not contain a NUL byte") }
        if name == "." || name == ".." { throw WorkerError(.invalid, "\(kind) must not be '\(name)'") }
        return name
    }
}
