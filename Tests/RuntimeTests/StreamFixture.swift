import FoundationEssentials
import Glibc
import Kernel
import Testing

@testable import Runtime

/// A directory for one test's spool, and the pump that its streams use.
final class StreamFixture: Sendable {
    let pump: Pump
    let path: String
    let directory: SharedDescriptor
    let spool: SpoolLocation

    init() throws {
        pump = try Pump(name: "test-pump")
        path = FileManager.default.temporaryDirectory.appendingPathComponent("apron-stream-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        directory = SharedDescriptor(Descriptor(owning: open(path, O_DIRECTORY | O_CLOEXEC)))
        spool = SpoolLocation(directory: directory, name: "stdout")
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var spoolExists: Bool { FileManager.default.fileExists(atPath: path + "/stdout") }

    func stream(_ pipe: ProgramPipe, limits: OutputLimits = .standard) throws -> OutputStream {
        try OutputStream(pipe: pipe.reader, spool: spool, limits: limits, pump: pump)
    }
}

/// The program's pipe: the test is the program and process 1, so it has both ends.
final class ProgramPipe: Sendable {
    let reader: SharedDescriptor
    private let writer: SharedDescriptor

    init() throws {
        let pipe = try Pipe()
        reader = SharedDescriptor(try pipe.reader.duplicate())
        writer = SharedDescriptor(try pipe.writer.duplicate())
    }

    /// Writes all, waiting as a program does.
    func write(_ bytes: [UInt8]) throws {
        var done = 0
        while done < bytes.count { done += try writer.writeSome(bytes, from: done) ?? 0 }
    }

    /// Writes what fits without waiting.
    func writeNow(_ bytes: [UInt8]) throws -> Int {
        try writer.with { writer in try writer.setNonBlocking(true) }
        return try writer.writeSome(bytes) ?? 0
    }

    /// Writes all on a thread of its own.
    func writing(_ bytes: [UInt8]) -> Task<Void, any Error> {
        Task { try await onThread { try self.write(bytes) } }
    }
}

/// The client's side of a connection to an attacher.
final class Client: Sendable {
    private let socket: SharedDescriptor

    init(_ socket: consuming Descriptor) { self.socket = SharedDescriptor(socket) }

    /// Reads up to `limit` bytes, or to the end.
    func read(atMost limit: Int = .max) async throws -> [UInt8] {
        let socket = socket
        return try await onThread {
            var all: [UInt8] = []
            while all.count < limit {
                var piece = [UInt8](repeating: 0, count: min(limit - all.count, 256 * 1024))
                let count = try socket.readSome(into: &piece) ?? 0
                if count == 0 { break }
                all += piece[..<count]
            }
            return all
        }
    }

    /// Closes the connection in both directions, as a client that goes away.
    func vanish() { _ = shutdown(socket.number, Int32(SHUT_RDWR)) }
}

/// A connection over TCP on loopback: what the daemon would have accepted, and the client.
struct Connection: ~Copyable {
    let server: Descriptor
    let client: Client

    static func tcp() throws -> Connection {
        let listener = Descriptor(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        let client = Descriptor(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let connected = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener.number, $0, length) == 0 && listen(listener.number, 1) == 0
                    && getsockname(listener.number, $0, &length) == 0 && connect(client.number, $0, length) == 0
            }
        }
        guard connected else { throw POSIXError(.ECONNREFUSED) }
        return Connection(
            server: Descriptor(owning: accept(listener.number, nil, nil)), client: Client(client))
    }

    static func unix() throws -> Connection {
        var ends: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else { throw POSIXError(.EMFILE) }
        return Connection(server: Descriptor(owning: ends[0]), client: Client(Descriptor(owning: ends[1])))
    }

    /// Attaches the server's side to a stream.
    consuming func attach(to stream: OutputStream, after head: [UInt8] = []) -> (Client, Task<AttachEnd, Never>) {
        let socket = SharedNumber(server.release())
        return (client, Task { await stream.attach(Descriptor(owning: socket.number), after: head) })
    }

    private struct SharedNumber: Sendable {
        let number: Int32
        init(_ number: Int32) { self.number = number }
    }
}

/// Runs blocking code on a thread that may block.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        do {
            try startThread(named: "test") { continuation.resume(with: Result(catching: body)) }
        } catch {
            continuation.resume(throwing: error)
        }
    }
}

/// Waits until a condition holds; false after a minute, which no healthy machine needs.
func eventually(_ condition: () throws -> Bool) async rethrows -> Bool {
    for _ in 0..<12_000 {
        if try condition() { return true }
        try? await Task.sleep(for: .milliseconds(5))
    }
    return false
}

func randomBytes(_ count: Int) -> [UInt8] {
    let source = SharedDescriptor(Descriptor(owning: open("/dev/urandom", O_RDONLY | O_CLOEXEC)))
    var bytes: [UInt8] = []
    while bytes.count < count {
        var piece = [UInt8](repeating: 0, count: min(count - bytes.count, mebibyte))
        let got = (try? source.readSome(into: &piece)) ?? 0
        bytes += piece[..<got]
    }
    return bytes
}

/// Expects `got` to be `wanted`, and says where they part instead of printing megabytes.
func expectSame(
    _ got: [UInt8], _ wanted: ArraySlice<UInt8>, sourceLocation: SourceLocation = #_sourceLocation
) {
    let wanted = Array(wanted)
    if got.count == wanted.count && memcmp(got, wanted, got.count) == 0 { return }
    let place = zip(got, wanted).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    Issue.record(
        "\(got.count) bytes instead of \(wanted.count), differing from \(place ?? min(got.count, wanted.count)) on",
        sourceLocation: sourceLocation)
}

let mebibyte = 1024 * 1024
