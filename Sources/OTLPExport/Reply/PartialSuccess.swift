internal import FoundationEssentials

/// What a receiver says of spans, or points of metrics, that it did not take although it took the request.
struct PartialSuccess: Equatable {
    /// Spans or points that were refused, for good.
    var rejected: UInt64 = 0
    /// Why, or a warning when none was refused; empty is nothing at all.
    var message = ""

    /// Reads an `ExportTraceServiceResponse`, or that of metrics, in protobuf; anything else is taken for a plain success, since receivers
    /// answer with empty and with foreign bodies.
    init(protobuf body: [UInt8]) {
        var response = ProtobufReader(body[...])
        while let field = response.next() {
            guard case .bytes(1, let partial) = field else { continue }
            var reader = ProtobufReader(partial)
            while let field = reader.next() {
                switch field {
                case .number(1, let count): rejected = count
                case .bytes(2, let text): message = String(decoding: text.prefix(Self.messageMax), as: UTF8.self)
                default: break
                }
            }
        }
    }

    /// Reads an `ExportTraceServiceResponse`, or that of metrics, in JSON, leniently as above.
    init(json body: [UInt8]) {
        let said = try? JSONDecoder().decode(JSONResponse.self, from: Data(body)).partialSuccess
        let rejected = said?.rejectedSpans ?? said?.rejectedDataPoints
        self.init(rejected: rejected?.value ?? 0, message: said?.errorMessage ?? "")
    }

    private struct JSONResponse: Decodable {
        struct Partial: Decodable {
            let rejectedSpans: Count?
            let rejectedDataPoints: Count?
            let errorMessage: String?
        }

        /// 64-bit numbers are text in JSON of protobuf; some write a number.
        struct Count: Decodable {
            let value: UInt64

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                value = try (try? container.decode(UInt64.self)) ?? UInt64(container.decode(String.self)) ?? 0
            }
        }

        let partialSuccess: Partial?
    }

    init(rejected: UInt64 = 0, message: String = "") {
        self.rejected = rejected
        self.message = String(message.prefix(Self.messageMax))
    }

    /// Whether there is anything to tell the operator.
    var isWorthAWarning: Bool { rejected > 0 || !message.isEmpty }

    /// A receiver's sentence is for the log, not for memory.
    private static let messageMax = 1024
}
