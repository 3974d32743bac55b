import CKernel
import Glibc
import Kernel
import Synchronization
import Testing

@testable import Runtime

@Suite("Pump")
struct StreamPumpTests {
    private func pipe() throws -> (reader: SharedDescriptor, writer: SharedDescriptor) {
        let pipe = try Pipe()
        return (SharedDescriptor(try pipe.reader.duplicate()), SharedDescriptor(try pipe.writer.duplicate()))
    }

    @Test("several tasks can wait for one descriptor")
    func whenReadable() async throws {
        let pump = try Pump()
        let (reader, writer) = try pipe()
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<20 { group.addTask { try await pump.whenReadable(reader) } }
            _ = try writer.writeSome([1])
            for try await ready in group { #expect(ready) }
        }
    }

    @Test("a process descriptor becomes readable when its process ends")
    func processDescriptor() async throws {
        let pump = try Pump()
        var pid: pid_t = 0
        let arguments: [UnsafeMutablePointer<CChar>?] = [strdup("true"), nil]
        defer { arguments.forEach { free($0) } }
        #expect(posix_spawnp(&pid, "true", nil, nil, arguments, environ) == 0)
        let process = SharedDescriptor(Descriptor(owning: apron_pidfd_open(pid, 0)))
        #expect(try await pump.whenReadable(process))
        var status: Int32 = 0
        #expect(waitpid(pid, &status, WNOHANG) == pid)
    }

    @Test("waiting ends with its task")
    func cancellation() async throws {
        let pump = try Pump()
        let (reader, writer) = try pipe()
        let waiting = Task { try await pump.whenReadable(reader) }
        waiting.cancel()
        #expect(try await !waiting.value)
        _ = try writer.writeSome([1])
        #expect(try await pump.whenReadable(reader))
    }

    @Test("a registration is called until it is cancelled")
    func registration() async throws {
        let pump = try Pump()
        let (reader, writer) = try pipe()
        let calls = Counter()
        let registration = try pump.register(reader, [.readable, .edges]) { _ in calls.add() }
        for count in 1...3 {
            _ = try writer.writeSome([1])
            #expect(await eventually { calls.value == count })
        }
        registration.cancel()
        registration.cancel()
        _ = try writer.writeSome([1])
        // Another descriptor's event comes after the one that must not come.
        let (other, otherWriter) = try pipe()
        _ = try otherWriter.writeSome([1])
        #expect(try await pump.whenReadable(other))
        #expect(calls.value == 3)
    }

    @Test("stopping tells everybody and refuses newcomers")
    func stop() async throws {
        let pump = try Pump()
        // The writer stays open: a pipe without one is readable.
        let (reader, writer) = try pipe()
        defer { withExtendedLifetime(writer) {} }
        let told = Counter()
        let registration = try pump.register(reader, .readable) { events in
            if events.contains(.pumpStopped) { told.add() }
        }
        let waiting = Task { try await pump.whenReadable(reader) }
        await pump.stop()
        #expect(told.value == 1)
        // The task may have come too late to wait at all.
        let ready = try? await waiting.value
        #expect(ready != true)
        let error = #expect(throws: KernelError.self) { try pump.register(reader, .readable) { _ in } }
        #expect(error?.errno == .shutDown)
        registration.cancel()
        await pump.stop()
    }

    @Test("deadlines come in order")
    func deadlines() {
        let order = Mutex<[UInt64]>([])
        var deadlines = Deadlines()
        let instants = (0..<500).map { UInt64($0) * 7919 % 1000 }
        for instant in instants { deadlines.insert(instant) { order.withLock { $0.append(instant) } } }
        #expect(deadlines.next == instants.min())
        for work in deadlines.take(until: 499) { work() }
        #expect(order.withLock { $0 } == instants.filter { $0 <= 499 }.sorted())
        for work in deadlines.take(until: .max) { work() }
        #expect(order.withLock { $0 } == instants.sorted())
        #expect(deadlines.next == nil)
    }

    private final class Counter: Sendable {
        private let count = Atomic(0)
        var value: Int { count.load(ordering: .sequentiallyConsistent) }
        func add() { count.add(1, ordering: .sequentiallyConsistent) }
    }
}
