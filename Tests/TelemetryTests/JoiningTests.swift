import Kernel
import Logging
import ServiceContextModule
import Testing
import Tracing

@testable import Telemetry

@Suite("Libraries join in")
struct JoiningTests {
    let tracer = ApronTracer()

    init() { #expect(Recording.isOn) }

    private struct Carrier: Injector, Extractor {
        func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
        func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
    }

    @Test("library spans go under ours, and ours under theirs")
    func nesting() throws {
        let spans = Recording.spans { _ in
            traced(.networkCreate) { _ in
                tracer.withSpan("library.outer") { _ in
                    tracer.withSpan("library.inner", ofKind: .client) { span in
                        span.attributes["number"] = 3
                        span.attributes["text"] = "x"
                        traced(.veth) { _ in tracer.withSpan("library.deep") { _ in } }
                    }
                }
            }
        }
        func parent(_ name: String) throws -> String? {
            let id = try #require(spans[name]).parentID
            return spans.values.first { $0.context.spanID == id }?.name
        }
        #expect(try parent("library.outer") == "network.create")
        #expect(try parent("library.inner") == "library.outer")
        #expect(try parent("veth") == "library.inner")
        #expect(try parent("library.deep") == "veth")
        #expect(spans["library.inner"]?.kind == .client)
        #expect(spans["library.inner"]?["number"] == .int(3))
        #expect(spans["library.inner"]?["text"] == .string("x"))
        #expect(spans["library.inner"]?.phase == nil)
    }

    @Test("a context comes in and goes on, unsampled ones too, with the caller's baggage")
    func propagation() throws {
        let incoming = [
            "traceparent": TraceParentTests.valid.dropLast(1) + "0", "tracestate": "foo=1", "baggage": "user=42",
        ]
        var context = ServiceContext.topLevel
        tracer.extract(incoming, into: &context, using: Carrier())
        #expect(context.traceContext?.isRemote == true)
        let span = tracer.startSpan("request", context: context)
        var outgoing: [String: String] = [:]
        tracer.inject(span.context, into: &outgoing, using: Carrier())
        span.end()
        let sent = try #require(TraceContext(traceparent: [outgoing["traceparent"] ?? ""], tracestate: []))
        #expect(sent.traceID == context.traceContext?.traceID)
        #expect(sent.spanID != context.traceContext?.spanID)
        #expect(!sent.isSampled)
        #expect(outgoing["tracestate"] == "foo=1")
        #expect(outgoing["baggage"] == "user=42")
    }

    @Test("an error thrown in a library's span marks it as failed")
    func errors() throws {
        struct Failure: Error {}
        let spans = Recording.spans { _ in
            #expect(throws: Failure.self) { try tracer.withSpan("library") { _ in throw Failure() } }
        }
        #expect(spans["library"]?["error.type"] == .string("Failure"))
    }

    @Test("writes after the end are ignored, and attributes of two tasks are both kept")
    func writes() {
        let span = tracer.startSpan("library", context: .topLevel)
        var first = span.attributes
        var second = span.attributes
        first["a"] = 1
        second["b"] = true
        span.attributes = first
        span.attributes = second
        span.addEvent("happened")
        #expect(span.attributes.count == 2)
        #expect(span.isRecording)
        span.end()
        span.operationName = "late"
        span.setStatus(SpanStatus(code: .error))
        #expect(span.operationName == "library")
        #expect(!span.isRecording)
    }

    @Test("log lines carry the ids of the span")
    func logs() throws {
        let context = try #require(TraceContext(traceparent: [TraceParentTests.valid], tracestate: []))
        TraceContext.$current.withValue(context) {
            #expect(
                Logger.MetadataProvider.traceContext.get() == [
                    "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331", "trace_flags": "01",
                ])
        }
        #expect(Logger.MetadataProvider.traceContext.get().isEmpty)
    }
}
