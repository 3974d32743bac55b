import Foundation
import Kernel
import TestSupport
import Testing

@testable import OTLPExport
@testable import Telemetry

/// Far more spans than a slow collector takes: queue, spool and memory stay bounded, and every span is accounted for.
@Suite(.serialized) struct OverloadedExportTests {
    /// Three seconds' worth at 100,000 a second.
    private static let spans = 300_000
    private static let threads = 4
    /// Bounds that a fraction of the spans fills.
    private static let spoolBytes = 2 << 20
    /// Long enough for any machine.
    private static let patience: Int32 = 120_000
    /// What the store, the queue and a request of each take several times over; all spans take far more.
    private static let growthMax = 192 << 20

    @Test("100,000 spans a second against a collector that is slow", arguments: [true, false])
    func slowCollector(isSpooled: Bool) async throws {
        // Each request takes a tenth of a second, and some are turned away.
        let script = (0..<200).map { $0 % 5 == 4 ? #"{"slow": 0.1, "status": 503}"# : #"{"slow": 0.1}"# }
        let receiver = try Receiver("[\(script.joined(separator: ","))]")
        let scratch = try Scratch()
        var configuration = try receiver.configuration()
        if isSpooled {
            configuration.spool = .init(directory: "\(scratch.path)/spool", bytesMax: Self.spoolBytes, batchesMax: 64)
        }
        let exporter = try OTLPExporter(configuration, logger: silent)
        var telemetry = Telemetry.Configuration()
        telemetry.exporters = [exporter]
        try Telemetry.configure(telemetry)
        // The sizes of what a process needs in any case.
        await endAll(100)
        let before = try residentBytes()

        let start = bootTime()
        await endAll(Self.spans - 100)
        let seconds = Double(bootTime() - start) / 1e9
        let growth = try residentBytes() - before
        #expect(growth < Self.growthMax, "\(growth) bytes")
        #expect(exporter.statistics.spoolBytes <= Self.spoolBytes)
        if isSpooled {
            let directory = try Directory("\(scratch.path)/spool")
            let onDisk = try directory.entries().reduce(0) { sum, name in
                // A batch may be sent and removed meanwhile.
                sum + Int((try? directory.status(name).size) ?? 0)
            }
            #expect(onDisk <= Self.spoolBytes + (4 << 20))
        } else {
            #expect(exporter.statistics.waitingSpans <= configuration.queueSpans)
        }

        let dropped = Telemetry.droppedSpans
        try Telemetry.shutdown(milliseconds: Self.patience)
        let statistics = exporter.statistics
        let lost = dropped + Int(statistics.droppedSpans)
        #expect(lost > 0 && statistics.exported > 0)
        // Without a spool, what could not be sent at the end is lost and counted as such.
        let waiting = isSpooled ? statistics.waitingSpans : 0
        #expect(Int(statistics.exported) + lost + waiting == Self.spans, "\(statistics)")
        #expect(statistics.damagedBatches == 0 && statistics.spoolFailures == 0)
        let taken = try receiver.requests().filter { !$0.action.contains("503") }.reduce(0) { $0 + $1.spans.count }
        #expect(taken == Int(statistics.exported))
        let rate = Int(Double(Self.spans) / seconds)
        print("\(rate) spans/s ended, \(statistics.exported) exported, \(lost) dropped, \(growth >> 20) MiB more")
    }

    private func endAll(_ count: Int) async {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<Self.threads {
                group.addTask {
                    for _ in 0..<count / Self.threads {
                        let span = Telemetry.start(.process, parent: nil)
                        span.set("apron.path", "/var/lib/apron/containers/live/0123456789abcdef")
                        span.end()
                    }
                }
            }
        }
    }

    private func residentBytes() throws -> Int {
        let pages = try KernelFile.read("/proc/self/statm").split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return try #require(pages) * 4096
    }
}
