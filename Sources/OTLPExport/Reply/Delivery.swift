/// What became of one attempt to deliver a batch.
enum Delivery: Equatable {
    /// The receiver has it, but for what it says.
    case delivered(PartialSuccess)
    /// Worth another attempt, not before so many milliseconds when the receiver said so.
    case retry(String, afterMilliseconds: UInt64?)
    /// It will never be taken: bad data, bad address, bad credentials.
    case refused(String)

    /// Reads an HTTP status (OTLP 1.x, "OTLP/HTTP Response"): every 2xx is a success, whatever its body.
    static func http(status: Int, retryAfter: String?, body: [UInt8], isJSON: Bool, now: Int64) -> Delivery {
        switch status {
        case 200..<300: return .delivered(isJSON ? PartialSuccess(json: body) : PartialSuccess(protobuf: body))
        case 429, 502, 503, 504:
            return .retry(
                "HTTP \(status)", afterMilliseconds: retryAfter.flatMap { RetryAfter.milliseconds($0, now: now) })
        default: return .refused("HTTP \(status)\(sentence(in: body))")
        }
    }

    /// The beginning of a text that a receiver sent to say why.
    private static func sentence(in body: [UInt8]) -> String {
        let text = String(decoding: body.prefix(200), as: UTF8.self).filter { !$0.isNewline && $0 >= " " }
        return text.isEmpty ? "" : ": \(text)"
    }

    /// Reads a gRPC status (OTLP 1.x, "OTLP/gRPC Response"; grpc/statuscodes).
    /// - Parameter retryDelay: of a RetryInfo detail, in milliseconds
    static func grpc(status: Int, message: String, retryDelay: UInt64?, body: [UInt8]) -> Delivery {
        let said = message.isEmpty ? "gRPC status \(status)" : "gRPC status \(status): \(message.prefix(200))"
        switch status {
        case 0: return .delivered(PartialSuccess(protobuf: body))
        // CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS
        case 1, 4, 10, 11, 14, 15: return .retry(said, afterMilliseconds: retryDelay)
        // RESOURCE_EXHAUSTED: only when the receiver says that it will recover.
        case 8 where retryDelay != nil: return .retry(said, afterMilliseconds: retryDelay)
        default: return .refused(said)
        }
    }
}
