internal import Kernel

/// The program ended with a failure.
public struct ProgramFailure: Error, CustomStringConvertible {
    /// The command, its status and what it wrote.
    public let description: String
}

/// Runs a program of the host that is found in PATH and returns what it wrote to its standard output.
///
/// Not by Foundation, whose processes leave descriptors open that a comparison of the host's state would find.
/// - Throws: ``ProgramFailure`` when it fails
@discardableResult
public func runProgram(_ arguments: String...) throws -> String {
    // Far more than any test reads.
    let bytesMax = 16 << 20
    let output = try Memfd("output")
    let errors = try Memfd("errors")
    let null = try KernelFile.open("/dev/null")
    let child = try ChildProcess.start(
        program: try KernelFile.open("/bin/sh"),
        arguments: ["sh", "-c", "\"$@\"; printf '\\n%d' $?", "sh"] + arguments,
        environment: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], namespaces: [],
        descriptors: [null.number, output.descriptor.number, errors.descriptor.number], keepsCapabilities: false)
    try child.wait()

    // The shell adds a line with the status.
    let text = String(decoding: try output.read(limit: bytesMax), as: UTF8.self)
    guard let end = text.lastIndex(of: "\n"), text[text.index(after: end)...] == "0" else {
        let said = String(decoding: try errors.read(limit: bytesMax), as: UTF8.self)
        throw ProgramFailure(description: "\(arguments.joined(separator: " ")): \(text) \(said)")
    }
    return String(text[..<end])
}
