import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// One TCP or unix connection, read and written byte by byte as a test says.
final class WireClient: Sendable {
    /// A reply with its parts.
    struct Response: Equatable {
        var status: String
        var headers: [String: String]
        var body: String
    }

    enum Failure: Error { case closed(String) }

    let channel: any Channel
    private let reader: Reader

    private init(_ channel: any Channel, _ reader: Reader) {
        self.channel = channel
        self.reader = reader
    }

    /// Connects; with `reads` false nothing is read until ``startReading()``.
    static func connect(port: Int, reads: Bool = true) async throws -> WireClient {
        let reader = Reader()
        let channel = try await bootstrap(reader, reads).connect(host: "127.0.0.1", port: port).get()
        return WireClient(channel, reader)
    }

    static func connect(path: String) async throws -> WireClient {
        let reader = Reader()
        return WireClient(try await bootstrap(reader, true).connect(unixDomainSocketPath: path).get(), reader)
    }

    private static func bootstrap(_ reader: Reader, _ reads: Bool) -> ClientBootstrap {
        ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: reads)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Feeder(reader))
                }
            }
    }

    func startReading() async throws { try await channel.setOption(.autoRead, value: true).get() }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get() }

    /// One byte a packet.
    func sendBytewise(_ text: String) async throws {
        for byte in text.utf8 { try await send([byte]) }
    }

    /// Sends a request with a body and its length.
    func request(_ method: String, _ path: String, _ body: String? = nil, headers: [String] = []) async throws {
        var lines = ["\(method) \(path) HTTP/1.1", "Host: garden"] + headers
        if let body { lines.append("Content-Length: \(body.utf8.count)") }
        try await send(lines.joined(separator: "\r\n") + "\r\n\r\n" + (body ?? ""))
    }

    /// Sends a request and reads its reply.
    func call(_ method: String, _ path: String, _ body: String? = nil, headers: [String] = []) async throws -> Response
    {
        try await request(method, path, body, headers: headers)
        return try await response()
    }

    /// Reads a reply whose length is announced.
    func response() async throws -> Response {
        let head = try await head()
        var lines = head.split(separator: "\r\n").map(String.init)
        let status = lines.removeFirst()
        var headers: [String: String] = [:]
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = String(line[line.index(colon, offsetBy: 2)...])
        }
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        let body = String(decoding: try await reader.take(length), as: UTF8.self)
        return Response(status: status, headers: headers, body: body)
    }

    /// Reads to the blank line, without it.
    func head() async throws -> String { try await reader.text(until: "\r\n\r\n") }

    /// Reads to the end of the line, without it.
    func line() async throws -> String { try await reader.text(until: "\n") }

    /// Reads until the server closes its side.
    func rest() async throws -> String { String(decoding: await reader.takeAll(), as: UTF8.self) }

    func restBytes() async throws -> [UInt8] { await reader.takeAll() }

    func closeOutput() async throws { try await channel.close(mode: .output).get() }

    func close() async throws { try await channel.close().get() }

    /// Closes so that the other side gets a reset.
    func reset() async throws {
        guard let options = channel as? any SocketOptionProvider else { throw Failure.closed("no socket") }
        try await options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        try await channel.close().get()
    }
}

/// What has arrived, for one reading task.
private actor Reader {
    private var buffer: [UInt8] = []
    private var iterator: AsyncStream<[UInt8]>.Iterator
    nonisolated let feed: AsyncStream<[UInt8]>.Continuation

    init() {
        let (stream, feed) = AsyncStream<[UInt8]>.makeStream()
        iterator = stream.makeAsyncIterator()
        self.feed = feed
    }

    private func more() async -> Bool {
        var iterator = iterator
        let piece = await iterator.next(isolation: self)
        self.iterator = iterator
        guard let piece else { return false }
        buffer += piece
        return true
    }

    func take(_ count: Int) async throws -> [UInt8] {
        while buffer.count < count {
            guard await more() else { throw WireClient.Failure.closed(String(decoding: buffer, as: UTF8.self)) }
        }
        defer { buffer.removeFirst(count) }
        return Array(buffer.prefix(count))
    }

    func text(until end: String) async throws -> String {
        let end = Array(end.utf8)
        while true {
            if let range = buffer.firstRange(of: end) {
                defer { buffer.removeSubrange(..<range.upperBound) }
                return String(decoding: buffer[..<range.lowerBound], as: UTF8.self)
            }
            guard await more() else { throw WireClient.Failure.closed(String(decoding: buffer, as: UTF8.self)) }
        }
    }

    func takeAll() async -> [UInt8] {
        while await more() {}
        defer { buffer = [] }
        return buffer
    }
}

private final class Feeder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let reader: Reader

    init(_ reader: Reader) { self.reader = reader }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        reader.feed.yield(Array(unwrapInboundIn(data).readableBytesView))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent { reader.feed.finish() }
    }

    func channelInactive(context: ChannelHandlerContext) { reader.feed.finish() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { reader.feed.finish() }
}
