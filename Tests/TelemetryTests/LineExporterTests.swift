import Kernel
import Testing

@testable import Telemetry

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Line exporter")
struct LineExporterTests {
    @Test("batches are appended to a file, one object a line, each of them JSON")
    func file() throws {
        let path = "/tmp/apron-telemetry-\(SpanID.random()).jsonl"
        defer { try? FileManager.default.removeItem(atPath: path) }
        for _ in 0..<2 {
            let exporter = LineExporter(.json, to: try LineWriter(appendingTo: path))
            let span = try fixedSpan("a\n\"\u{7F}é", id: 1, start: 1, end: 2)
            exporter.export([span, span], resource: Resource())
            exporter.export([], resource: Resource())
            #expect(exporter.failedBatches == 0)
        }
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 2)
        struct Envelope: Decodable {
            struct ResourceSpans: Decodable { let scopeSpans: [ScopeSpans] }
            struct ScopeSpans: Decodable { let spans: [Span] }
            struct Span: Decodable { let name: String }
            let resourceSpans: [ResourceSpans]
        }
        for line in lines {
            let envelope = try JSONDecoder().decode(Envelope.self, from: Data(line.utf8))
            #expect(
                envelope.resourceSpans.first?.scopeSpans.first?.spans.map(\.name) == ["a\n\"\u{7F}é", "a\n\"\u{7F}é"])
        }
    }

    @Test("text has a line for every span; what cannot be written is counted")
    func text() throws {
        let path = "/tmp/apron-telemetry-\(SpanID.random()).txt"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let span = try fixedSpan("a", id: 1, start: 1, end: 2)
        LineExporter(.text, to: try LineWriter(appendingTo: path)).export([span, span], resource: Resource())
        #expect(try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").count == 2)

        let full = LineExporter(.text, to: try LineWriter(appendingTo: "/dev/full"))
        full.export([span], resource: Resource())
        #expect(full.failedBatches == 1)
        #expect(throws: KernelError.self) { try LineWriter(appendingTo: "/nonexistent/file") }
    }
}
