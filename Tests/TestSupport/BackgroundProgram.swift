import Foundation
internal import Kernel
public import Testing

/// A program of the host that runs beside a test and is killed with this object; its output is a file.
public final class BackgroundProgram {
    private let scratch: Scratch
    private let child: ChildProcess
    private let output: String

    /// Far longer than anything takes, on any machine.
    public static let patienceSeconds = 120.0

    /// Starts it with its output in a file of `scratch`.
    public init(_ arguments: [String], scratch: Scratch) throws {
        self.scratch = scratch
        output = "output-\(UInt32.random(in: 0...UInt32.max))"
        let null = try KernelFile.open("/dev/null")
        let file = try scratch.directory.openFile(output, [.writeOnly, .create, .append])
        child = try ChildProcess.start(
            program: try KernelFile.open("/bin/sh"), arguments: ["sh", "-c", "exec \"$@\"", "sh"] + arguments,
            environment: [
                "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "PYTHONUNBUFFERED=1", "HOME=/nonexistent",
            ],
            namespaces: [], descriptors: [null.number, file.number, file.number], keepsCapabilities: false)
    }

    deinit { try? kill() }

    /// Its process id.
    public var pid: Int32 { child.pid }

    /// By SIGKILL; returns when it is gone.
    public func kill() throws {
        try child.signal(9)
        try child.wait()
    }

    /// Returns when it has ended by itself.
    public func waitForEnd() throws {
        let isOver = try waitForExit(of: child.descriptor, milliseconds: Int32(Self.patienceSeconds * 1000))
        try #require(isOver, "\(text)")
        try child.wait()
    }

    /// What it wrote so far.
    public var text: String {
        String(decoding: (try? scratch.directory.read(output, limit: 64 << 20)) ?? [], as: UTF8.self)
    }

    /// The package's directory.
    public static let package: String = {
        var url = URL(filePath: #filePath)
        for _ in 0..<3 { url.deleteLastPathComponent() }
        return url.path(percentEncoded: false).hasSuffix("/")
            ? String(url.path(percentEncoded: false).dropLast()) : url.path(percentEncoded: false)
    }()

    /// The python3 of an environment with the packages that these tests need; a failure to make it is a failure of the
    /// test, which names the package index.
    public static func python() throws -> String {
        try runProgram("sh", "-c", "exec \"\(package)/scripts/python\"").trimmingCharacters(in: .newlines)
    }

    /// A program of this package, beside the tests.
    public static func ofPackage(_ name: String) throws -> String {
        let own = try CurrentProcess.executablePath()
        let beside = "\(own[..<(own.lastIndex(of: "/") ?? own.endIndex)])/\(name)"
        let path = CurrentProcess.isExecutableFile(beside) ? beside : "\(package)/.build/debug/\(name)"
        try #require(CurrentProcess.isExecutableFile(path), "\(path) is not there: swift build makes it")
        return path
    }
}

/// Returns what `body` gives as soon as that is not nil.
public func eventually<Result>(
    _ what: @autoclosure () -> String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Result?
) throws -> Result {
    let end = Date(timeIntervalSinceNow: BackgroundProgram.patienceSeconds)
    while Date() < end {
        if let result = try body() { return result }
        // Polling, not a measure of time: everything is waited for with the patience above.
        usleep(10_000)
    }
    return try #require(nil as Result?, "in vain: \(what())", sourceLocation: sourceLocation)
}
