import Kernel
import Logging
import Telemetry
import Testing
import Worker

@testable import apron

@Suite struct LoggingTests {
    private func line(
        _ message: String, level: Logger.Level = .info, error: (any Error)? = nil, _ fields: Logger.Metadata = [:]
    ) -> LogLine {
        LogLine(
            time: 1_795_364_460_000_000_007, level: level, message: message, logger: "apron.test", error: error,
            fields: fields)
    }

    private func json(_ line: LogLine) -> String { String(decoding: line.json, as: UTF8.self) }

    @Test func plainLine() {
        #expect(
            json(line("hello"))
                == #"{"time":"2026-11-22T16:21:00.000000007Z","level":"info","message":"hello","logger":"apron.test"}"#
                + "\n")
    }

    @Test func wellKnownFieldsAreKeysOfTheLine() {
        let text = json(
            line(
                "m",
                [
                    "trace_id": "t", "span_id": "s", "trace_flags": "01", "container.id": "h", "b": "2",
                    "a": .stringConvertible(1), "c": .stringConvertible(true), "d": ["x", "y"], "e": ["k": "v"],
                ]))
        let tail =
            #""trace_id":"t","span_id":"s","trace_flags":"01","container.id":"h","#
            + #""fields":{"a":1,"b":"2","c":true,"d":["x","y"],"e":{"k":"v"}}}"#
        #expect(text.hasSuffix(tail + "\n"))
    }

    @Test func errorsHaveTypeAndText() {
        let kernel = KernelError(call: "mount", errno: .permission, subject: "/x")
        #expect(
            json(line("m", level: .critical, error: kernel)).hasSuffix(
                #""level":"fatal","message":"m","logger":"apron.test","error.type":"EPERM","#
                    + #""error":"mount /x: operation not permitted (EPERM)"}"# + "\n"))
        #expect(LogLine.errorType(WorkerError(.handleInUse, "m")) == "handleInUse")
        #expect(LogLine.errorType(WorkerError(.failed, "m", cause: kernel)) == "EPERM")
    }

    @Test func everyCharacterIsEscapedThatMustBe() {
        let text = json(line("a\"b\\c\n\r\t\u{1}\u{7f}é🛬"))
        #expect(text.contains(#""message":"a\"b\\c\n\r\t\u0001\u007fé🛬""#))
    }

    @Test func terminalLineCannotSteerTheTerminal() {
        let text = String(decoding: line("a\u{1b}[2Jb\nc\u{9b}d", ["k": "x y"]).terminal, as: UTF8.self)
        #expect(text.contains(#"a\u{1b}[2Jb\nc\u{9b}d"#))
        #expect(text.contains(#"16:21:00.000"#))
        #expect(text.hasSuffix("\"x y\"\n"))
    }

    @Test func handlerObeysTheThresholdAndHidesSecrets() throws {
        let pair = try SocketPair().release()
        let near = Descriptor(owning: pair.near)
        let far = Descriptor(owning: pair.far)
        let threshold = LogThreshold(.warning)
        let stream = StandardStream(number: far.number)
        var logger = Logger(label: "l") { label in
            LineLogHandler(
                label: label, format: .json, stream: stream, threshold: threshold,
                metadataProvider: .traceContext)
        }
        logger[metadataKey: "container.id"] = "h1"
        logger.info("unseen")
        threshold.level = .info
        let context = try #require(
            TraceContext(
                traceparent: ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"], tracestate: []))
        TraceContext.$current.withValue(context) { logger.info("seen", metadata: ["Authorization": "hush"]) }
        let text = String(decoding: try StandardStream(number: near.number).read(atMost: 4096), as: UTF8.self)
        #expect(text.split(separator: "\n").count == 1)
        #expect(text.contains(#""trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331","#))
        #expect(text.contains(#""trace_flags":"01","container.id":"h1","fields":{"Authorization":"(hidden)"}"#))
        #expect(!text.contains("hush"))
    }

    @Test(arguments: [("debug", LogLevel.debug), ("warning", .warn), ("warn", .warn), ("fatal", .fatal)])
    func levelIsRead(_ word: String, _ level: LogLevel) {
        #expect(LogLevel(word: word) == level)
    }
}

@Suite struct LogLevelTests {
    @Test(arguments: [
        (Logger.Level.info, Logger.Level.info, Logger.Level.debug), (.debug, .info, .info), (.error, .error, .debug),
        (.debug, .error, .error), (.debug, .debug, .info), (.info, .debug, .debug),
    ]) func signalSwitches(_ level: Logger.Level, _ configured: Logger.Level, _ next: Logger.Level) {
        #expect(LogLevelSignal.next(level, configured: configured) == next)
    }

    @Test func mapsOfHeadersTakeBothSigns() throws {
        let values = try SettingValues(
            arguments: ["--tracing-otlp-header", "a:b=c", "--tracing-otlp-header", "d=e:f"], environment: [:])
        #expect(values.pairs("tracing-otlp-header").map { "\($0.key) \($0.value)" } == ["a b=c", "d e:f"])
    }
}
