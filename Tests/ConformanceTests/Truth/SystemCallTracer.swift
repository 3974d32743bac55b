import Foundation
import Kernel
import TestSupport
import Testing

/// One call, as strace saw it.
struct SystemCall: CustomStringConvertible {
    /// The thread that called, as the host numbers it.
    let pid: String
    /// Nanoseconds since the epoch at its entry.
    let time: UInt64
    /// Name, arguments and, unless others called meanwhile, result.
    let text: String

    var description: String { "\(pid) \(time) \(text)" }

    /// Reads a line such as `4711 1795364460.123456 pivot_root(".", ".") = 0`.
    init?(_ line: Substring) {
        let words = line.split(separator: " ", maxSplits: 2)
        guard words.count == 3 else { return nil }
        let parts = words[1].split(separator: ".")
        guard parts.count == 2, parts[1].count == 6, let seconds = UInt64(parts[0]), let micros = UInt64(parts[1])
        else { return nil }
        pid = String(words[0])
        time = seconds * 1_000_000_000 + micros * 1000
        text = String(words[2])
    }
}

/// strace on a worker and on everything that it starts: a witness that knows nothing of spans.
final class SystemCallTracer {
    private let scratch: Scratch
    private let child: SharedDescriptor

    /// Begins to trace all threads of a process.
    init(of pid: Int32, _ worker: WorkerUnderTest) throws {
        scratch = try Scratch()
        let calls = "trace=clone3,execve,execveat,pivot_root,exit_group"
        let command = "exec strace -f -ttt -qq -s 256 -e signal=none -e \(calls) -o \(scratch.path)/calls -p \(pid)"
        let null = try KernelFile.open("/dev/null")
        let errors = try scratch.directory.openFile("errors", [.writeOnly, .create], mode: 0o600)
        let started = try ChildProcess.start(
            program: try KernelFile.open("/bin/sh"), arguments: ["sh", "-c", command],
            environment: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], namespaces: [],
            descriptors: [null.number, null.number, errors.number], keepsCapabilities: false)
        child = SharedDescriptor(try started.descriptor.duplicate())
        try worker.poll("strace to follow every thread; it said: \(said)") {
            guard try !self.hasEnded(milliseconds: 0) else {
                throw Wire.Failure(description: "strace (Debian: strace) did not attach: \(self.said)")
            }
            return try Self.isTraced(pid)
        }
    }

    /// Lets everything go on untraced and answers the calls, in their order.
    func end() throws -> [SystemCall] {
        // It would wait for whatever it follows, which outlives the test. Its lines are written one by one, and the
        // kernel lets go of the traced when their tracer is gone.
        try child.with { (pidfd: borrowing Descriptor) throws(KernelError) in _ = try sendSignal(9, to: pidfd) }
        try eventually("strace to end") { try hasEnded(milliseconds: 1000) ? () : nil }
        try child.with { (pidfd: borrowing Descriptor) throws(KernelError) in try reapChild(pidfd) }
        let lines = try String(contentsOfFile: "\(scratch.path)/calls", encoding: .utf8).split(separator: "\n")
        return lines.compactMap { SystemCall($0) }.sorted { $0.time < $1.time }
    }

    private var said: String { (try? KernelFile.read("\(scratch.path)/errors")) ?? "" }

    private func hasEnded(milliseconds: Int32) throws -> Bool {
        try child.with { (pidfd: borrowing Descriptor) throws(KernelError) in
            try waitForExit(of: pidfd, milliseconds: milliseconds)
        }
    }

    private static func isTraced(_ pid: Int32) throws -> Bool {
        try Directory("/proc/\(pid)/task").entries().allSatisfy { thread in
            // A thread that has ended since needs no tracer.
            guard let status = try? KernelFile.read("/proc/\(pid)/task/\(thread)/status") else { return true }
            return !status.contains("TracerPid:\t0\n")
        }
    }
}
