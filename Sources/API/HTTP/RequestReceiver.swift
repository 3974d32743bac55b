internal import NIOCore
internal import NIOHTTP1

/// The last handler of a connection, behind the HTTP decoder: makes a request of its parts and hands it to the server
/// as soon as all is there that came with its head.
///
/// A small body is part of the request then; a larger one is a stream that is read as fast as it is consumed. All
/// methods run on the connection's event loop.
final class RequestReceiver: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = Never
    typealias OutboundOut = Never

    /// Reads that may wait for whoever consumes a body; each is at most 64 KiB.
    private static let watermark = NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark(
        lowWatermark: 2, highWatermark: 8)
    /// How long a client may go on sending a body that was refused; then the connection is closed under its hands.
    private static let refusedBodyTime = TimeAmount.seconds(5)

    /// An event of the server: it does not wait for the request that is being answered.
    struct Cancellation {}

    let gate: ConnectionGate
    private let onRequest: (Request, ServerConnection) -> Task<Void, Never>
    private var context: ChannelHandlerContext?
    /// The head of a request that was not handed over yet, and what has come of its body.
    private var head: HTTPRequestHead?
    private var start = ByteBuffer()
    /// That is all of it.
    private var isWhole = false
    /// The body that is being read.
    private var body: RequestBody.Stream.Source?
    private var bodyHasDemand = true
    private var isReadHeldBack = false
    /// A request was handed over and is not answered yet.
    private var isAnswering = false
    /// What answers the latest request, or did.
    private var task: Task<Void, Never>?
    /// That is cancelled when the server shuts down.
    var endsAtShutdown = false
    /// Close when the answer has been sent, because client or server have no use for the connection after it.
    private var closesAfterAnswer = false
    /// Close when the rest of the body has been read; the answer has been sent.
    private var closesAfterBody = false

    /// - Parameter onRequest: begins to answer each request; that ends with a call of ``answered(closes:limitsBody:)``
    ///   unless the connection is taken over
    init(_ gate: ConnectionGate, onRequest: @escaping (Request, ServerConnection) -> Task<Void, Never>) {
        self.gate = gate
        self.onRequest = onRequest
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        endBody(ChannelError.inputClosed)
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            // The gate lets one at a time through, unless it has lost count.
            if isAnswering || self.head != nil { return context.close(promise: nil) }
            self.head = head
            start = ByteBuffer()
            isWhole = false
        case .body(var piece):
            if let body {
                if case .produceMore = body.yield(piece) {} else { bodyHasDemand = false }
            } else if head != nil {
                if start.readableBytes == 0 { start = piece } else { start.writeBuffer(&piece) }
            }
        // Otherwise nobody wants it.
        case .end:
            isWhole = true
            endBody(nil)
            if closesAfterBody { context.close(promise: nil) }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Not before: an answer may come at once, and the next request after it, when the decoder has to be done with
        // this one. The rest of a body may be long in coming, or wait for a word from us.
        if head != nil { handOver(isWhole ? RequestBody(whole: start) : openBody(context)) }
    }

    func read(context: ChannelHandlerContext) {
        if body == nil || bodyHasDemand { context.read() } else { isReadHeldBack = true }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is Cancellation || endsAtShutdown && event is ChannelShouldQuiesceEvent { task?.cancel() }
        if gate.isTaken { return }
        let isInputClosed = if case .some(.inputClosed) = event as? ChannelEvent { true } else { false }
        if isInputClosed { endBody(ChannelError.inputClosed) }
        guard isInputClosed || event is ChannelShouldQuiesceEvent else { return }
        closesAfterAnswer = true
        if !isAnswering { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) { endBody(ChannelError.inputClosed) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if gate.isTaken { return }
        endBody(error as? HTTPParserError == .invalidEOFState ? ChannelError.inputClosed : error)
        closesAfterAnswer = true
        guard !isAnswering else { return }
        if error is HTTPParserError { return refuse() }
        context.close(promise: nil)
    }

    /// The answer has been sent, or could not be.
    /// - Parameters:
    ///   - closes: whether the connection ends with it
    ///   - limitsBody: whether a client that goes on sending the request's body is cut off after a while
    func answered(closes: Bool, limitsBody: Bool) {
        isAnswering = false
        guard let context else { return }
        if !gate.hasWholeRequest, !closesAfterAnswer {
            // Closing at once would reset the connection, and the client would lose the reply that tells why.
            if limitsBody { context.channel.closeAfter(Self.refusedBodyTime) }
            endBody(nil)
            closesAfterBody = closes
            demandBody(true)
        } else if closes || closesAfterAnswer {
            return context.close(promise: nil)
        }
        gate.answered()
    }

    /// Answers what is no request, and gives the client time to read that.
    private func refuse() {
        guard let context else { return }
        let reply = ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        gate.write([reply], promise: nil)
        context.close(mode: .output, promise: nil)
        context.channel.closeAfter(Self.refusedBodyTime)
    }

    private func handOver(_ body: RequestBody) {
        guard let head, let context else { return }
        self.head = nil
        start = ByteBuffer()
        guard let request = Request(head, body: body) else { return refuse() }
        isAnswering = true
        endsAtShutdown = false
        task = onRequest(request, ServerConnection(channel: context.channel, receiver: self))
    }

    /// Turns the connection over to whoever answers the request, and cancels that when the connection has to end.
    func takeOver(drains: Bool) throws -> (inbound: ConnectionGate.Inbound, isShuttingDown: Flag) {
        try gate.takeOver(drains: drains) { [self] in task?.cancel() }
    }

    private func openBody(_ context: ChannelHandlerContext) -> RequestBody {
        let receiver = NIOLoopBound(self, eventLoop: context.eventLoop)
        let producer = RequestBody.Stream.makeSequence(
            backPressureStrategy: Self.watermark, finishOnDeinit: false,
            delegate: LoopDemand(on: context.eventLoop) { receiver.value.demandBody($0) })
        body = producer.source
        bodyHasDemand = true
        if start.readableBytes > 0 { _ = producer.source.yield(start) }
        return RequestBody(producer.sequence)
    }

    private func endBody(_ error: (any Error)?) {
        if let error { body?.finish(error) } else { body?.finish() }
        body = nil
    }

    /// Whoever consumes the body wants more, or is gone for good: then the rest is read and dropped.
    private func demandBody(_ wanted: Bool) {
        if !wanted { endBody(nil) }
        bodyHasDemand = true
        guard isReadHeldBack else { return }
        isReadHeldBack = false
        context?.read()
    }
}

extension Channel {
    /// Closes the channel when it is still open then.
    fileprivate func closeAfter(_ time: TimeAmount) {
        let timer = eventLoop.scheduleTask(in: time) { [self] in close(promise: nil) }
        closeFuture.whenComplete { _ in timer.cancel() }
    }
}
