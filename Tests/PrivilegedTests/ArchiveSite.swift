import Foundation
import Kernel
import Storage
import TestSupport
import Testing

/// A directory to unpack into and to pack from, by the real archive process.
final class ArchiveSite {
    /// For whom a volume is.
    enum View: CaseIterable {
        case privileged, unprivileged

        /// The host's id of what the archive calls 0.
        var rootID: UInt32 { self == .privileged ? 0 : UserNamespace.rootID }
    }

    let scratch: Scratch
    let view: View
    private let program: SharedDescriptor
    private let namespace: SharedDescriptor?

    init(_ view: View = .privileged, in base: String = "/var/tmp") throws {
        try requireRoot()
        // A process that refuses a stream closes it.
        CurrentProcess.ignoreBrokenPipes()
        scratch = try Scratch(in: base)
        self.view = view
        program = SharedDescriptor(try KernelFile.open(try ArchiveSite.executable()))
        namespace = view == .unprivileged ? SharedDescriptor(try UserNamespace().release()) : nil
        try scratch.makeDirectories("target")
        try runProgram("chown", "\(view.rootID):\(view.rootID)", target)
    }

    /// APRON_ARCHIVE, or beside the tests.
    private static func executable() throws -> String {
        if let given = ProcessInfo.processInfo.environment["APRON_ARCHIVE"] { return given }
        let own = try CurrentProcess.executablePath()
        let path = "\(own[..<(own.lastIndex(of: "/") ?? own.endIndex)])/ApronArchive"
        try #require(CurrentProcess.isExecutableFile(path), "\(path) is not there: swift build makes it")
        return path
    }

    var target: String { "\(scratch.path)/target" }

    /// Runs shell commands in the directory of the test and returns what they print.
    @discardableResult
    func shell(_ commands: String) throws -> String {
        try runProgram("bash", "-euo", "pipefail", "-c", "\(ArchiveSite.functions)\ncd \(scratch.path); \(commands)")
    }

    /// `acl access|default ID FILE` gives a file an access list that names the user with this id, and user 1000.
    /// `xset NAME VALUE FILE` sets an extended attribute; `xget FILE…` prints the names and values of those of streams,
    /// `xlist FILE` the names of all.
    private static let functions = """
        acl() { python3 -c 'import os, struct, sys
        entry = lambda tag, permissions, id=2**32-1: struct.pack("<HHI", tag, permissions, id)
        users = entry(2, 4, int(sys.argv[2])) + entry(2, 7, 1000)
        text = struct.pack("<I", 2) + entry(1, 6) + users + entry(4, 4) + entry(16, 7) + entry(32, 4)
        os.setxattr(sys.argv[3], "system.posix_acl_" + sys.argv[1], text)' "$@"; }
        xset() { python3 -c 'import os, sys; os.setxattr(sys.argv[3], sys.argv[1], sys.argv[2].encode())' "$@"; }
        xlist() { python3 -c 'import os, sys; print(*sorted(os.listxattr(sys.argv[1])))' "$@"; }
        xget() { python3 -c 'import os, sys
        for file in sys.argv[1:]:
          for name in sorted(os.listxattr(file)):
            if name != "security.selinux": print(file, name, os.getxattr(file, name))' "$@"; }
        """

    func startUnpacking(into directory: String? = nil, path: String = ".", encoding: String = "raw") throws
        -> ArchiveProcess
    {
        try ArchiveProcess.unpack(
            program: program, into: try KernelFile.open(directory ?? target), path: path, encoding: encoding,
            userNamespace: namespace, isPrivileged: view == .privileged)
    }

    /// Unpacks bytes.
    @discardableResult
    func unpack(_ bytes: [UInt8], into directory: String? = nil, path: String = ".", encoding: String = "raw") throws
        -> ArchiveOutcome
    {
        let process = try startUnpacking(into: directory, path: path, encoding: encoding)
        let pipe = try pipe(of: process)
        // The process may end before it has read everything.
        do throws(KernelError) { try StandardStream(number: pipe.number).write(bytes) } catch {
            guard error.errno == .brokenPipe else { throw error }
        }
        try close(pipe)
        return try process.wait()
    }

    /// Unpacks what `body` writes, once the process is ready.
    func unpack(_ body: (StandardStream) throws -> Void) throws -> ArchiveOutcome {
        let process = try startUnpacking()
        let pipe = try pipe(of: process)
        try process.waitUntilReady()
        try body(StandardStream(number: pipe.number))
        try close(pipe)
        return try process.wait()
    }

    /// The processes that are confined to the target.
    func processes() throws -> [Int32] {
        let found = try shell(
            "for p in /proc/[0-9]*; do [ \"$(readlink $p/root)\" != '\(target)' ] || echo $p; done")
        return found.split(separator: "\n").compactMap { Int32($0.dropFirst("/proc/".count)) }
    }

    /// The failure of unpacking bytes.
    func failure(_ bytes: [UInt8], path: String = ".", encoding: String = "raw") throws -> ArchiveFailure {
        do {
            let outcome = try unpack(bytes, path: path, encoding: encoding)
            throw UnexpectedSuccess(outcome: outcome)
        } catch let failure as ArchiveFailure { return failure }
    }

    struct UnexpectedSuccess: Error { let outcome: ArchiveOutcome }

    func startPacking(_ directory: String? = nil, path: String = ".", encoding: String = "raw") throws -> ArchiveProcess
    {
        try ArchiveProcess.pack(
            program: program, from: try KernelFile.open(directory ?? target), path: path, encoding: encoding,
            userNamespace: namespace)
    }

    /// The stream's pipe, which was not taken before.
    func pipe(of process: ArchiveProcess) throws -> Descriptor {
        guard let pipe = process.takePipe() else { throw KernelError(call: "takePipe", errno: .badDescriptor) }
        return pipe
    }

    /// Takes the stream's pipe, reads a little of it and closes it.
    func readOnce(_ process: ArchiveProcess) throws {
        let pipe = try pipe(of: process)
        _ = try StandardStream(number: pipe.number).read(atMost: 512)
    }

    /// Packs, and returns the stream and what the process said.
    /// - Parameter meanwhile: called when the first bytes are there
    func pack(
        _ directory: String? = nil, path: String = ".", encoding: String = "raw", meanwhile: () throws -> Void = {}
    ) throws -> ([UInt8], ArchiveOutcome) {
        let process = try startPacking(directory, path: path, encoding: encoding)
        try process.waitUntilReady()
        let pipe = try pipe(of: process)
        let stream = StandardStream(number: pipe.number)
        var bytes: [UInt8] = []
        while true {
            let part = try stream.read(atMost: 1 << 20)
            if part.isEmpty { break }
            if bytes.isEmpty { try meanwhile() }
            bytes += part
        }
        try close(pipe)
        return (bytes, try process.wait())
    }

    /// What packing fails with before anything is sent.
    func packFailure(path: String) throws -> ArchiveFailure {
        let process = try startPacking(path: path)
        do {
            try process.waitUntilReady()
            throw UnexpectedSuccess(outcome: try process.wait())
        } catch let failure as ArchiveFailure { return failure }
    }

    func bytes(of name: String) throws -> [UInt8] {
        try scratch.directory.read(name, limit: 1 << 30)
    }

    /// An archive that GNU tar makes of a directory `source` that the commands fill.
    func archive(_ commands: String, _ options: String = "") throws -> [UInt8] {
        try shell(
            "rm -rf source; mkdir source; cd source; \(commands); cd ..; tar \(options) -C source -cf archive.tar .")
        return try bytes(of: "archive.tar")
    }

    private func close(_ descriptor: consuming Descriptor) throws {}
}
