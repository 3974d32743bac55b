internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1

/// One request as it came over the wire.
struct Request: Sendable {
    let method: HTTPRequest.Method
    /// As the client wrote it: a path with its query, or, from a proxy, all of the URL.
    let target: String
    /// Whom the client means to talk to: its `Host` header.
    let authority: String?
    /// All header fields but `Host`.
    let headers: HTTPFields
    /// Whether the client speaks HTTP/1.0: it takes the end of the connection for the end of the reply, and knows no
    /// chunks (RFC 9112 §6.1).
    let isVersion10: Bool
    let body: RequestBody

    /// Nil when the method is none.
    init?(_ head: HTTPRequestHead, body: RequestBody) {
        guard let method = HTTPRequest.Method(head.method.rawValue) else { return nil }
        var headers = HTTPFields()
        headers.reserveCapacity(head.headers.count)
        var authority: String?
        for (name, value) in head.headers {
            guard let name = HTTPField.Name(name) else { return nil }
            if name == .host {
                authority = authority ?? value
            } else {
                headers.append(HTTPField(name: name, value: value))
            }
        }
        self.method = method
        self.target = head.uri
        self.authority = authority
        self.headers = headers
        self.isVersion10 = head.version.major == 1 && head.version.minor == 0
        self.body = body
    }
}

extension HTTPField.Name {
    fileprivate static let host = HTTPField.Name(known: "Host")
}

/// The bytes behind a request's head; to be iterated once.
///
/// The iteration fails when the connection ends before the body does.
struct RequestBody: AsyncSequence, Sendable {
    typealias Stream = NIOThrowingAsyncSequenceProducer<
        ByteBuffer, any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, LoopDemand
    >

    private enum Source: Sendable {
        /// It came together with the head.
        case whole(ByteBuffer)
        /// It is read from the connection as fast as it is consumed.
        case stream(Stream)
    }

    private let source: Source

    init(whole: ByteBuffer) { source = .whole(whole) }
    init(_ stream: Stream) { source = .stream(stream) }

    func makeAsyncIterator() -> Iterator {
        switch source {
        case .whole(let buffer): Iterator(rest: buffer.readableBytes > 0 ? buffer : nil, stream: nil)
        case .stream(let stream): Iterator(rest: nil, stream: stream.makeAsyncIterator())
        }
    }

    struct Iterator: AsyncIteratorProtocol {
        fileprivate var rest: ByteBuffer?
        fileprivate let stream: Stream.AsyncIterator?

        @concurrent
        mutating func next() async throws -> ByteBuffer? {
            if let stream { return try await stream.next() }
            defer { rest = nil }
            return rest
        }
    }
}

/// Carries the demand of whoever consumes a stream of bytes to the event loop that they are read on.
struct LoopDemand: NIOAsyncSequenceProducerDelegate {
    private let loop: any EventLoop
    private let tell: @Sendable (Bool) -> Void

    /// - Parameter tell: called on `loop`; told false when nothing more is wanted for good
    init(on loop: any EventLoop, _ tell: @escaping @Sendable (Bool) -> Void) {
        self.loop = loop
        self.tell = tell
    }

    /// The consumer has read enough of what was waiting.
    func produceMore() { loop.execute { [tell] in tell(true) } }

    /// The consumer reads no more.
    func didTerminate() { loop.execute { [tell] in tell(false) } }
}
