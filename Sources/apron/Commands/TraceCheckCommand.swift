internal import ArgumentParser
internal import Kernel
internal import Logging
internal import OTLPExport
internal import Telemetry

/// `apron trace check`: sends one span as the worker would, and tells what the collector said.
struct TraceCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Send one test span to the collector and tell what it said.",
        usage: "apron trace check [<flags of apron worker>]",
        discussion: """
            Takes the flags and variables of 'apron worker' that say where traces go.
            Exit status: 0 when the collector took the span, 1 when it did not or there
            is none, 64 for settings that cannot be used.

            EXAMPLES:
              apron trace check --tracing-otlp-address collector:4317
              OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 apron trace check
              OTEL_EXPORTER_OTLP_HEADERS=x-key=KEY OTEL_TRACES_EXPORTER=otlp apron trace check
            """)

    @Argument(parsing: .captureForPassthrough, help: "Flags of 'apron worker', such as --tracing-otlp-address.")
    var flags: [String] = []

    /// Exit code for settings that cannot be used (EX_USAGE of sysexits.h).
    private static let usageExit: Int32 = 64

    func run() async throws {
        if flags.contains(where: { ["-h", "--help"].contains($0) }) { return print(Self.helpMessage()) }
        let settings: TelemetrySettings
        do {
            let environment = try CurrentProcess.environment()
            settings = try TelemetrySettings(
                SettingValues(arguments: flags, environment: environment), environment: environment)
        } catch let error as UsageError {
            try? StandardStream.error.write("apron trace check: \(error)\n")
            throw ExitCode(Self.usageExit)
        }
        for notice in settings.notices { try? StandardStream.error.write("note: \(notice)\n") }
        if settings.collectors.isEmpty {
            try? StandardStream.error.write("apron trace check: \(Self.whyNoCollector(settings))\n")
            throw ExitCode.failure
        }
        var isTaken = true
        for collector in settings.collectors {
            // It blocks until the collector has answered.
            let check = try await BlockingExecutor.run { try TraceCheck.run(collector, settings) }
            print(check.report)
            if !check.isTaken { isTaken = false }
        }
        if !isTaken { throw ExitCode.failure }
    }

    private static func whyNoCollector(_ settings: TelemetrySettings) -> String {
        if settings.isDisabled { return "OTEL_SDK_DISABLED switches traces off" }
        if !settings.traces.isEmpty { return "spans are written as lines, and no collector is configured" }
        return "no collector is configured; give --tracing-otlp-address or OTEL_EXPORTER_OTLP_ENDPOINT"
    }
}

/// One test span and what became of it.
struct TraceCheck: Sendable {
    /// The collector, without secrets.
    let collector: String
    let traceID: TraceID
    let statistics: ExportStatistics

    /// Sends a span and waits for the answer. It blocks for the collector's time limit at most.
    static func run(_ collector: OTLPConfiguration, _ settings: TelemetrySettings) throws -> TraceCheck {
        var configuration = collector
        configuration.userAgent = TelemetryStart.userAgent
        configuration.spool = nil
        var telemetry = Telemetry.Configuration()
        telemetry.limits = settings.limits
        try Telemetry.configure(telemetry)
        let span = Telemetry.start(.commandRun, name: "apron.trace.check", parent: nil, kind: .client)
        span.set {
            $0.set("server.address", configuration.endpoint.host)
            $0.set("server.port", configuration.endpoint.port)
        }
        span.end()
        let quiet = Logger(label: "apron.trace") { _ in SwiftLogNoOpLogHandler() }
        let exporter = try OTLPExporter(configuration, logger: quiet)
        let resource = TelemetryStart.resource(settings, workerName: CurrentProcess.hostName)
        exporter.export([span.recorded], resource: resource)
        let limit = Int32(clamping: configuration.timeoutMilliseconds + marginMilliseconds)
        _ = exporter.flush(milliseconds: limit, stop: true)
        return TraceCheck(
            collector: configuration.description, traceID: span.context.traceID, statistics: exporter.statistics)
    }

    /// What the exporter's own limit needs to be noticed before ours.
    private static let marginMilliseconds: Int64 = 1000

    /// Whether the collector has the span.
    var isTaken: Bool { statistics.exported > 0 }

    /// What happened, in a few lines.
    var report: String {
        let time = TimeSpan(nanoseconds: UInt64(statistics.durations.sum * 1e9)).description
        var lines = ["collector: \(collector)"]
        if isTaken {
            lines.append("taken after \(time); look for trace \(traceID)")
        } else if let partial = statistics.lastPartialSuccess {
            lines.append("answered after \(time) and rejected the span: \(partial.text)")
        } else {
            let reason = statistics.lastFailure?.text ?? "no answer within the time limit"
            lines.append("not taken after \(time): \(reason)")
            if let hint = Self.hint(for: reason) { lines.append("hint: \(hint)") }
        }
        if isTaken, let partial = statistics.lastPartialSuccess { lines.append("it said: \(partial.text)") }
        return lines.joined(separator: "\n")
    }

    /// What usually helps; nil where nothing is known.
    static func hint(for reason: String) -> String? {
        let reason = reason.lowercased()
        return hints.first { hint in hint.signs.contains { reason.contains($0) } }?.advice
    }

    private static let hints: [(signs: [String], advice: String)] = [
        (
            ["connection refused", "econnrefused"],
            "nothing listens there; OTLP is usually on port 4317 for gRPC and 4318 for HTTP"
        ),
        (
            ["http 401", "http 403", "grpc status 16", "grpc status 7"],
            "credentials are missing or wrong; see OTEL_EXPORTER_OTLP_HEADERS and --tracing-otlp-header"
        ),
        (
            ["http 404", "http 405", "grpc status 12"],
            "this address takes no traces there; OTEL_EXPORTER_OTLP_ENDPOINT gets /v1/traces appended, "
                + "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is used as it is"
        ),
        (["http 415"], "it does not know this encoding; set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf or http/json"),
        (
            ["http 429", "http 503", "grpc status 8", "grpc status 14"],
            "the collector is overloaded or starting; try again"
        ),
        (
            ["certificate", "tls", "ssl", "handshake"],
            "encryption failed; OTEL_EXPORTER_OTLP_CERTIFICATE names a PEM file of the authority to trust, and an http "
                + "address is not encrypted"
        ),
        (
            ["unknown host", "resolve", "getaddrinfo", "name or service", "dns"],
            "the host name cannot be resolved on this machine"
        ),
        (
            ["no reply in time", "timed out", "timeout", "time limit"],
            "the collector is away or slow, or a firewall is between; OTEL_EXPORTER_OTLP_TIMEOUT sets the limit"
        ),
        (
            ["closed before", "invalid", "http2", "preface", "reset"],
            "is the other protocol spoken there? OTEL_EXPORTER_OTLP_PROTOCOL may be grpc, http/protobuf or http/json"
        ),
    ]
}
