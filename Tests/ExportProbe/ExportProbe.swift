import Kernel
import Logging
import OTLPExport
import Telemetry

/// Exports spans until it is killed: ExportProbe URL SPOOL COUNT [stop]
///
/// It says `ended` when that many spans have ended and been handed to the exporter's pipeline, then waits to be killed;
/// with `stop` it shuts down instead and says what became of the spans.
@main struct ExportProbe {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 4, let count = Int(arguments[3]) else {
            throw Usage(description: "usage: ExportProbe URL SPOOL COUNT [stop]")
        }
        var configuration = OTLPConfiguration(
            endpoint: try Endpoint(arguments[1], transport: .protobuf, isBase: true), transport: .protobuf)
        configuration.spool = OTLPConfiguration.Spool(directory: arguments[2])
        configuration.timeoutMilliseconds = 1
        let exporter = try OTLPExporter(configuration, logger: Logger(label: "probe") { _ in SwiftLogNoOpLogHandler() })
        var telemetry = Telemetry.Configuration()
        telemetry.exporters = [exporter]
        try Telemetry.configure(telemetry)
        let out = LineWriter(.output)
        for number in 0..<count {
            let span = Telemetry.start(.process, name: "span-\(number)", parent: nil)
            span.set("apron.number", number)
            span.end()
            // No faster than the ring in memory is emptied, which is not the subject here.
            if number % 500 == 499 { while exporter.statistics.seen + Telemetry.droppedSpans <= number - 1000 {} }
        }
        try out.write(Array("ended\n".utf8))
        if arguments.last == "stop" {
            try Telemetry.shutdown(milliseconds: 5000)
            let statistics = exporter.statistics
            let losses = statistics.dropped.map { "\($0.key.rawValue)=\($0.value)" }.sorted().joined(separator: " ")
            let text = "waiting=\(statistics.waitingSpans) failures=\(statistics.spoolFailures) \(losses)\n"
            try out.write(Array(text.utf8))
            return
        }
        while true { try Epoll().wait(milliseconds: 1000) { _, _ in } }
    }

    struct Usage: Error, CustomStringConvertible {
        let description: String
    }
}

extension ExportStatistics {
    var seen: Int { waitingSpans + Int(exported + rejected + droppedSpans) }
}
