internal import Codecs
internal import NIOCore
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
    var configuration: OTLPConfiguration { get }
    /// Whether there is a connection from an earlier request.
    var isConnected: Bool { get }

    /// Sends a request over the connection, or a new one, and waits for the reply.
    /// - Throws: what FailureText knows the words for
    func attempt(_ request: Request, _ deadline: NIODeadline) throws -> Delivery

    /// Closes the connection.
    func close()
}

extension Transport {
    /// Makes one attempt.
    /// - Parameter milliseconds: how long at most
    func send(_ request: Request, milliseconds: Int64) -> Delivery {
        let deadline = NIODeadline.now() + .milliseconds(milliseconds)
        let isReused = isConnected
        do {
            do { return try attempt(request, deadline) } catch TransportError.closedBeforeReply where isReused {
                // Collectors close connections that were idle; that says nothing about the next one.
                close()
                return try attempt(request, deadline)
            }
        } catch {
            close()
            let text = FailureText.of(error, configuration.endpoint)
            if case TransportError.replyTooLarge = error { return .refused(text) }
            return .retry(text, afterMilliseconds: nil)
        }
    }
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
