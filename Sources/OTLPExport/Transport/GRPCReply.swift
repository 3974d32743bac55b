internal import FoundationEssentials
internal import NIOHPACK

/// What came back of a gRPC call: headers, at most one message, and the status in the trailers, or all in the headers.
struct GRPCReply: Sendable {
    private var httpStatus = 0
    private var status: Int?
    private var message = ""
    private var details: [UInt8] = []
    /// The message with its prefix of five bytes.
    var body: [UInt8] = []

    /// Reads headers or trailers.
    mutating func add(_ headers: HPACKHeaders) {
        if let text = headers.first(name: ":status"), let number = Int(text) { httpStatus = number }
        if let text = headers.first(name: "grpc-status"), let number = Int(text) { status = number }
        if let text = headers.first(name: "grpc-message") { message = Self.percentDecoded(text) }
        if let text = headers.first(name: "grpc-status-details-bin") { details = Self.base64Decoded(text) }
    }

    /// What it means for the batch.
    var delivery: Delivery {
        guard let status else {
            // Something between answered, such as a proxy (grpc: http-grpc-status-mapping).
            if httpStatus == 200 { return .retry("gRPC: the reply has no status", afterMilliseconds: nil) }
            return .http(status: httpStatus, retryAfter: nil, body: [], isJSON: false, now: 0).butNotDelivered
        }
        // We offer no compression, so that a collector has to answer without.
        let isPlain = body.first == 0
        return .grpc(
            status: status, message: message, retryDelay: Self.retryDelay(details),
            body: isPlain ? Array(body.dropFirst(5)) : [])
    }

    /// The delay of a `google.rpc.RetryInfo` within a `google.rpc.Status`, in milliseconds.
    static func retryDelay(_ status: [UInt8]) -> UInt64? {
        var reader = ProtobufReader(status[...])
        while let field = reader.next() {
            guard case .bytes(3, let detail) = field, let delay = delay(inDetail: detail) else { continue }
            return delay
        }
        return nil
    }

    private static func delay(inDetail detail: ArraySlice<UInt8>) -> UInt64? {
        var isRetryInfo = false
        var value: ArraySlice<UInt8> = []
        _ = ProtobufReader.readAll(detail) { field in
            if case .bytes(1, let type) = field { isRetryInfo = type.reversed().starts(with: typeName.reversed()) }
            if case .bytes(2, let bytes) = field { value = bytes }
            return true
        }
        guard isRetryInfo else { return nil }
        var (seconds, nanoseconds): (UInt64, UInt64) = (0, 0)
        _ = ProtobufReader.readAll(value) { field in
            guard case .bytes(1, let duration) = field else { return true }
            return ProtobufReader.readAll(duration) { field in
                if case .number(1, let number) = field { seconds = number }
                if case .number(2, let number) = field { nanoseconds = number }
                return true
            }
        }
        // A negative delay comes as a huge number.
        return min(seconds, UInt64(UInt32.max)) * 1000 + min(nanoseconds, 999_999_999) / 1_000_000
    }

    private static let typeName = "google.rpc.RetryInfo".utf8

    private static func percentDecoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
                bytes.append(code)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Binary values of headers come with and without padding.
    private static func base64Decoded(_ text: String) -> [UInt8] {
        let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        return Data(base64Encoded: text + padding).map(Array.init) ?? []
    }
}

extension Delivery {
    /// A success of HTTP is none of gRPC.
    fileprivate var butNotDelivered: Delivery {
        if case .delivered = self { .refused("gRPC: a reply that is none of gRPC's") } else { self }
    }
}
