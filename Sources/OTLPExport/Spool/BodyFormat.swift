internal import Telemetry

/// The form of a batch, in memory, on disk and in a request.
///
/// A batch grows by appending: messages of protobuf that stand one behind another are one message, and JSON objects are
/// lines. So a file that lost its end is still good up to there, without a checksum or an index.
enum BodyFormat: String, Sendable, CaseIterable {
    case protobuf = "pb"
    case json = "jsonl"

    /// Some spans as a piece of a batch.
    func encode(_ spans: ArraySlice<RecordedSpan>, resource: Resource) -> [UInt8] {
        switch self {
        case .protobuf: return TraceRequest.encode(spans, resource: resource)
        case .json:
            var line = OTLPJSON.encode(spans, resource: resource)
            line.append(UInt8(ascii: "\n"))
            return line
        }
    }

    /// A batch as the body of a request.
    func request(_ batch: [UInt8]) -> [UInt8] {
        switch self {
        case .protobuf: return batch
        case .json:
            var body = Array(Self.lineStart)
            body.reserveCapacity(batch.count)
            for line in batch.split(separator: UInt8(ascii: "\n")) {
                if body.count > Self.lineStart.count { body.append(UInt8(ascii: ",")) }
                body += line.dropFirst(Self.lineStart.count).dropLast(Self.lineEnd.count)
            }
            return body + Self.lineEnd
        }
    }

    var contentType: String { self == .json ? "application/json" : "application/x-protobuf" }

    /// How much of a batch makes sense, from its beginning, and how many spans are in that.
    func check(_ batch: [UInt8]) -> (bytes: Int, spans: Int) {
        switch self {
        case .protobuf: TraceRequest.check(batch)
        case .json: Self.checkLines(batch)
        }
    }

    private static let lineStart = #"{"resourceSpans":["#.utf8
    private static let lineEnd = "]}".utf8
    /// Once a span. It cannot be in a value, where quotes are escaped.
    private static let spanMark = Array(#""startTimeUnixNano":"#.utf8)

    private static func checkLines(_ batch: [UInt8]) -> (bytes: Int, spans: Int) {
        var (good, spans) = (0, 0)
        while let end = batch[good...].firstIndex(of: UInt8(ascii: "\n")) {
            let line = batch[good..<end]
            let isText = line.allSatisfy { $0 >= 0x20 } && String(validating: line, as: UTF8.self) != nil
            guard isText, line.starts(with: lineStart), line.reversed().starts(with: lineEnd.reversed()) else { break }
            spans += line.ranges(of: spanMark).count
            good = end + 1
        }
        return (good, spans)
    }
}
