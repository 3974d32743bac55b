import Foundation
import Kernel
import Telemetry
import TestSupport
import Testing

@testable import OTLPExport

/// Batches on disk, over failures, restarts and kills.
@Suite(.serialized) struct SpoolTests {
    private let resource = Resource()
    private let scratch: Scratch
    private var spool: String { "\(scratch.path)/telemetry/spool" }
    private static let long: Int32 = 100_000

    init() throws { scratch = try Scratch() }

    private func configuration(
        _ endpoint: String, _ transport: OTLPConfiguration.Transport = .protobuf
    ) throws -> OTLPConfiguration {
        var configuration = try quick(endpoint, transport)
        configuration.timeoutMilliseconds = 20
        configuration.spool = .init(directory: spool)
        return configuration
    }

    private func files() throws -> [String] { try Directory(spool).entries().sorted() }

    /// What a process leaves that did not reach its collector: `count` batches of ten.
    private func leave(
        _ count: Int, _ transport: OTLPConfiguration.Transport = .protobuf,
        _ change: (inout OTLPConfiguration) -> Void = { _ in }
    ) throws -> ExportStatistics {
        var configuration = try configuration("http://127.0.0.1:9", transport)
        configuration.batchSpans = 10
        change(&configuration)
        let exporter = try OTLPExporter(configuration, logger: silent)
        for part in 0..<count { exporter.export(try samples(10, "part\(part)"), resource: resource) }
        _ = exporter.flush(milliseconds: Self.long, stop: true)
        return exporter.statistics
    }

    /// Sends what is there; the names in the order in which they came.
    private func sendAll(
        _ transport: OTLPConfiguration.Transport = .protobuf
    ) throws -> (names: [String], statistics: ExportStatistics) {
        let receiver = try Receiver()
        var configuration = try receiver.configuration(transport)
        configuration.spool = .init(directory: spool)
        let exporter = try OTLPExporter(configuration, logger: silent)
        #expect(exporter.flush(milliseconds: Self.long, stop: true))
        return (try receiver.names(), exporter.statistics)
    }

    private func names(_ parts: Range<Int>) -> [String] {
        parts.flatMap { part in (0..<10).map { "part\(part)-\($0)" } }
    }

    @Test(
        "what was not sent is sent after a restart, in order, and the files go",
        arguments: OTLPConfiguration.Transport.allCases)
    func restart(transport: OTLPConfiguration.Transport) throws {
        let left = try leave(5, transport)
        #expect(left.waitingSpans == 50 && left.droppedSpans == 0, "\(left)")
        #expect(try files().count == 5)
        #expect(try Directory(spool).status().mode & 0o777 == 0o700)
        let (got, statistics) = try sendAll(transport)
        #expect(got == names(0..<5))
        #expect(statistics.exported == 50 && statistics.waitingSpans == 0 && statistics.spoolBytes == 0)
        #expect(try files().isEmpty)
    }

    @Test("what was not sent is sent when the collector comes back, in order")
    func recovery() throws {
        let receiver = try Receiver(#"[{"status": 503}, {"status": 503}, "drop", {"status": 503}]"#)
        var configuration = try receiver.configuration()
        // No second attempt within an export.
        configuration.retry = Backoff(first: 1_000_000, most: 1_000_000)
        configuration.spool = .init(directory: spool)
        configuration.batchSpans = 10
        let exporter = try OTLPExporter(configuration, logger: silent)
        for part in 0..<5 { exporter.export(try samples(10, "part\(part)"), resource: resource) }
        _ = try eventually("recovery \(exporter.statistics)") { exporter.statistics.waitingSpans == 0 ? true : nil }
        let statistics = exporter.statistics
        #expect(statistics.exported == 50 && statistics.failedExports >= 3, "\(statistics)")
        #expect(try receiver.names() == names(0..<5))
        _ = exporter.flush(milliseconds: Self.long, stop: true)
    }

    @Test("the oldest go first when the spool is full, by count and by bytes")
    func bounds() throws {
        let left = try leave(20) { $0.spool?.batchesMax = 5 }
        #expect(left.waitingSpans + Int(left.droppedSpans) == 200, "\(left)")
        #expect(left.dropped[.spoolFull] == 150, "\(left)")
        // One that was being sent just then is not taken away.
        let five = try sendAll().names
        #expect(five.count == 50 && five.suffix(40) == names(16..<20)[...], "\(five)")
        let small = try leave(20) { $0.spool?.bytesMax = 10_000 }
        #expect(small.spoolBytes <= 10_000 && small.spoolBytes > 5000)
        let kept = try sendAll().names
        #expect(kept.last == "part19-9" && kept.count == 200 - Int(small.dropped[.spoolFull] ?? 0))
    }

    @Test("100,000 spans while the collector hangs: bounded on disk, nothing in memory, every loss counted")
    func flood() throws {
        let receiver = try Receiver(#"["hang", "hang", "hang"]"#)
        var configuration = try receiver.configuration()
        configuration.spool = .init(directory: spool, bytesMax: 4 << 20)
        let exporter = try OTLPExporter(configuration, logger: silent)
        let batch = try samples(500)
        for _ in 0..<200 { exporter.export(batch, resource: resource) }
        let statistics = exporter.statistics
        #expect(statistics.spoolBytes <= 4 << 20 && statistics.spoolBytes > 3 << 20, "\(statistics)")
        #expect(statistics.dropped.keys.elementsEqual([.spoolFull]), "\(statistics)")
        #expect(statistics.waitingSpans + Int(statistics.droppedSpans) == 100_000, "\(statistics)")
        _ = exporter.flush(milliseconds: 1, stop: true)
    }

    @Test("bounds hold for what an earlier process left, too") func boundsAfterRestart() throws {
        _ = try leave(20)
        let left = try leave(1) { $0.spool?.batchesMax = 5 }
        #expect(left.dropped[.spoolFull] == 160, "\(left)")
        #expect(try files().count == 5)
    }

    @Test(
        "damaged files are counted and skipped, and what is good in them is sent",
        arguments: OTLPConfiguration.Transport.allCases)
    func damaged(transport: OTLPConfiguration.Transport) throws {
        _ = try leave(4, transport)
        let directory = try Directory(spool)
        let names = try files()
        try directory.write(names[0], Array(repeating: 0xFF, count: 100))
        // One that a second batch was added to, and whose end is lost.
        let bytes = try directory.read(names[1], limit: 1 << 20)
        try directory.write(names[1], bytes + bytes.dropLast(3))
        try directory.write(names[2], [])
        try directory.write("README", [1, 2, 3])
        _ = try directory.make("0000000000000001.pb")
        try directory.symlink("0000000000000002.pb", to: "/etc/passwd")
        let (got, statistics) = try sendAll(transport)
        #expect(got == self.names(1..<2) + self.names(3..<4))
        #expect(statistics.damagedBatches == 4, "\(statistics)")
        #expect(try files() == ["0000000000000001.pb", "0000000000000002.pb", "README"])
    }

    @Test("a file that vanishes while it waits is counted, and the next is sent") func vanished() throws {
        var configuration = try configuration("http://127.0.0.1:9")
        configuration.probe = Backoff(first: 1_000_000, most: 1_000_000)
        configuration.batchSpans = 10
        let exporter = try OTLPExporter(configuration, logger: silent)
        exporter.export(try samples(10), resource: resource)
        _ = try eventually("a failure") { exporter.statistics.failedExports > 0 ? true : nil }
        let name = try #require(try files().first)
        try Directory(spool).remove(name)
        #expect(exporter.flush(milliseconds: Self.long, stop: true))
        #expect(exporter.statistics.damagedBatches == 1, "\(exporter.statistics)")
    }

    @Test("JSON that waits can be sent as JSON by the protobuf exporter, but not by gRPC")
    func otherFormat() throws {
        _ = try leave(1, .json)
        #expect(try sendAll(.protobuf).names == names(0..<1))
        _ = try leave(1, .json)
        let (got, statistics) = try sendAll(.grpc)
        #expect(got.isEmpty && statistics.dropped == [.foreign: 10], "\(statistics)")
    }

    @Test("a disk that is full: memory takes over up to its bound, what is beyond is counted, nothing is torn")
    func diskFull() throws {
        let point = try scratch.makeDirectories("full")
        // A file system of 40 KiB in a mount namespace of its own, which needs no privilege.
        let script = """
            mount -t tmpfs -o size=40k none "$1" && "$2" http://127.0.0.1:9 "$1" 5000 stop && ls -l "$1" >&2
            """
        let program = try BackgroundProgram(
            ["unshare", "-Urm", "sh", "-c", script, "sh", point, try BackgroundProgram.ofPackage("ExportProbe")],
            scratch: scratch)
        try program.waitForEnd()
        let text = program.text
        let numbers = text.split(whereSeparator: { $0 == " " || $0 == "\n" }).reduce(into: [String: Int]()) {
            let parts = $1.split(separator: "=")
            if parts.count == 2 { $0[String(parts[0])] = Int(parts[1]) }
        }
        #expect((numbers["failures"] ?? 0) > 0, "\(text)")
        #expect((numbers["spool_failed"] ?? 0) > 0, "\(text)")
        #expect((numbers["waiting"] ?? 0) > 0, "\(text)")
    }

    @Test("a killed process loses nothing that was handed over, and no span arrives damaged")
    func killed() throws {
        let count = 5000
        let program = try BackgroundProgram(
            [try BackgroundProgram.ofPackage("ExportProbe"), "http://127.0.0.1:9", spool, "\(count)"], scratch: scratch)
        _ = try eventually("the probe: \(program.text)") { program.text.contains("ended") ? true : nil }
        // All that ended is on disk soon after, without a flush.
        _ = try eventually("spans on disk") { try self.spansOnDisk() == count ? true : nil }
        try program.kill()
        let (got, statistics) = try sendAll()
        #expect(got == (0..<count).map { "span-\($0)" })
        #expect(statistics.damagedBatches == 0)
        #expect(try files().isEmpty)
    }

    @Test("a process killed amid its work leaves a beginning without gaps") func killedAmid() throws {
        let program = try BackgroundProgram(
            [try BackgroundProgram.ofPackage("ExportProbe"), "http://127.0.0.1:9", spool, "100000000"], scratch: scratch
        )
        let before = try eventually("spans on disk: \(program.text)") {
            let count = try self.spansOnDisk()
            return count >= 3000 ? count : nil
        }
        try program.kill()
        let got = try sendAll().names
        #expect(got.count >= before)
        #expect(got == (0..<got.count).map { "span-\($0)" })
    }

    private func spansOnDisk() throws -> Int {
        guard let directory = try? Directory(spool) else { return 0 }
        return try directory.entries().reduce(0) { sum, name in
            guard let bytes = try directory.readIfPresent(name, limit: 64 << 20) else { return sum }
            return sum + BodyFormat.protobuf.check(bytes).spans
        }
    }
}
