import Kernel
import Synchronization
import Testing

@testable import Telemetry

/// More spans than can leave: memory stays bounded, nobody waits, and every loss is counted.
@Suite("Overload")
struct OverloadTests {
    /// Takes nothing until it is let go.
    private final class Blocked: SpanExporter {
        let gate = Mutex<Void>(())
        let taken = Atomic<Int>(0)

        func export(_ batch: [RecordedSpan], resource: Resource) {
            gate.withLock { _ in }
            taken.add(batch.count, ordering: .relaxed)
        }
    }

    /// Three seconds' worth at 100,000 a second.
    private static let spans = 300_000
    private static let threads = 4
    /// Long enough for any machine.
    private static let patience: Int32 = 120_000
    /// What a sixth of the spans takes that are kept for looking at, several times over; all of them take far more.
    private static let growthMax = 256 << 20

    @Test("300,000 spans against an exporter that hangs")
    func hanging() async {
        // The store of the whole process gets full, hence a process of its own.
        await #expect(processExitsWith: .success) { try await OverloadTests.overload() }
    }

    private static func overload() async throws {
        try Telemetry.configure(Telemetry.Configuration())
        let exporter = Blocked()
        let pipeline = try ExportPipeline([exporter], resource: Resource())
        let before = try residentBytes()
        let isOut = try await endAll(exporter, pipeline)
        precondition(!isOut)
        let growth = try residentBytes() - before
        precondition(growth < growthMax)
        precondition(pipeline.dropped >= spans - ExportPipeline.capacity - ExportPipeline.batch)
        let isFlushed = try pipeline.flush(milliseconds: patience, stop: true)
        precondition(isFlushed)
        precondition(exporter.taken.load(ordering: .relaxed) + pipeline.dropped == spans)
        precondition(Telemetry.store.usage.spans <= SpanStore.Limits().spans)
        precondition(Telemetry.store.usage.evicted > 0)
    }

    /// Ends all spans while the exporter hangs; says whether they got out, which they cannot have.
    private static func endAll(_ exporter: Blocked, _ pipeline: ExportPipeline) async throws -> Bool {
        let done = Semaphore()
        let held = Semaphore()
        try startThread(named: "gate") {
            exporter.gate.withLock { _ in
                held.signal()
                done.wait()
            }
        }
        held.wait()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<threads {
                group.addTask {
                    for _ in 0..<spans / threads {
                        let span = Telemetry.start(.process, parent: nil)
                        span.end()
                        if let ended = span.ended { pipeline.ended(ended) }
                    }
                }
            }
        }
        defer { done.signal() }
        return try pipeline.flush(milliseconds: 1, stop: false)
    }

    private static func residentBytes() throws -> Int {
        let pages = try KernelFile.read("/proc/self/statm").split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return try #require(pages) * 4096
    }
}
