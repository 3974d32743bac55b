internal import Codecs
internal import NIOPosix

/// One batch as it leaves.
struct Request: Sendable {
    /// The body, compressed or not.
    let body: [UInt8]
    let contentType: String
    let isCompressed: Bool

    init(_ body: [UInt8], contentType: String, compression: OTLPConfiguration.Compression) {
        // Without memory for compressing, it goes as it is.
        let compressed = compression == .gzip ? try? GzipBytes.compress(body) : nil
        self.body = compressed ?? body
        self.contentType = contentType
        isCompressed = compressed != nil
    }
}

/// The way to a collector. One thread uses it, which may block.
protocol Transport: AnyObject {
    /// Makes one attempt.
    /// - Parameter milliseconds: how long at most
    func send(_ request: Request, milliseconds: Int64) -> Delivery

    /// Closes the connection.
    func close()
}

/// The way to the collector that the settings name.
func makeTransport(_ configuration: OTLPConfiguration, _ group: MultiThreadedEventLoopGroup) -> any Transport {
    switch configuration.transport {
    case .grpc: GRPCTransport(configuration, group: group)
    case .protobuf, .json: HTTPTransport(configuration, group: group)
    }
}

/// What goes wrong on the way.
enum TransportError: Error, CustomStringConvertible {
    case timedOut
    case closedBeforeReply
    case replyTooLarge

    /// A reply of a few bytes is usual; what is beyond this is refused (OTLP 1.x).
    static let replyBytesMax = 4 << 20

    var description: String {
        switch self {
        case .timedOut: "no reply in time"
        case .closedBeforeReply: "the connection was closed before the reply was complete"
        case .replyTooLarge: "a reply of more than \(Self.replyBytesMax) bytes"
        }
    }
}
