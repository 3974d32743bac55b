internal import Kernel
internal import NIOCore
internal import NIOHTTP1

/// The first handler of a connection, in front of the HTTP decoder: lets requests through one at a time and, when a
/// route takes the connection over, turns all further bytes to it.
///
/// All methods run on the connection's event loop.
final class ConnectionGate: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias Inbound = NIOThrowingAsyncSequenceProducer<
        ByteBuffer, any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, LoopDemand
    >

    /// Why bytes of a taken connection end before their time.
    enum Failure: Error {
        /// The server is shutting down.
        case shuttingDown
        /// The request has not been read to its end, or the connection has gone.
        case notReady
    }

    private enum Mode {
        case http(RequestFraming)
        case taken(Inbound.Source)
    }

    /// Reads that may wait for a consumer of a taken connection; each is at most 64 KiB, so a connection costs little.
    private static let watermark = NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark(
        lowWatermark: 2, highWatermark: 8)

    private var mode = Mode.http(RequestFraming())
    private var context: ChannelHandlerContext?
    /// Requests that were let through and are not answered yet, at most one; -1 when the answer came first.
    private var unanswered = 0
    /// Bytes behind the request that is being answered.
    private var held = ByteBuffer()
    private var isReadHeldBack = false
    private var hasDemand = true
    private var drains = false
    /// The connection was taken over, and has ended or has to; may be called again.
    private var onEnd: (() -> Void)?
    private let isShuttingDown = Flag()

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        finish(nil)
        onEnd = nil
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        switch mode {
        case .http where held.readableBytes > 0: held.writeBuffer(&buffer)
        case .http: passRequest(&buffer, context)
        case .taken(let source): give(buffer, to: source)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .http = mode { context.fireChannelReadComplete() } else if hasDemand { context.read() }
    }

    func read(context: ChannelHandlerContext) {
        switch mode {
        case .http where held.readableBytes == 0: context.read()
        case .http: isReadHeldBack = true
        case .taken: break  // Reads follow the consumer's demand, not that of the handlers behind.
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .taken = mode {
            if case .some(.inputClosed) = event as? ChannelEvent { finish(nil, endsConnection: false) }
            if event is ChannelShouldQuiesceEvent, !drains {
                isShuttingDown.raise()
                finish(Failure.shuttingDown)
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish(nil)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .taken = mode { finish(error) }
        context.fireErrorCaught(error)
    }

    /// Lets the next request through, soon; called when an answer has been written.
    func answered() {
        unanswered -= 1
        guard let context, held.readableBytes > 0, case .http = mode else { return }
        // At once, all requests that have come together would be answered within each other, on one stack.
        let gate = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.execute { gate.value.passHeld() }
    }

    private func passHeld() {
        guard let context, case .http = mode else { return }
        var buffer = held
        held = ByteBuffer()
        passRequest(&buffer, context)
        context.fireChannelReadComplete()
        if isReadHeldBack, held.readableBytes == 0 {
            isReadHeldBack = false
            context.read()
        }
    }

    /// Turns the connection over to the caller: bytes received, beginning with those behind the request; and whether the
    /// server's shutdown is the reason for the end.
    /// - Parameter onEnd: called when the connection has ended or has to; perhaps more than once
    func takeOver(
        drains: Bool, onEnd: @escaping () -> Void
    ) throws -> (inbound: Inbound, isShuttingDown: Flag) {
        guard case .http = mode, let context, context.channel.isActive, unanswered == 1 else {
            throw Failure.notReady
        }
        let gate = NIOLoopBound(self, eventLoop: context.eventLoop)
        let demand = LoopDemand(on: context.eventLoop) { gate.value.demand($0) }
        let producer = Inbound.makeSequence(
            backPressureStrategy: Self.watermark, finishOnDeinit: false, delegate: demand)
        mode = .taken(producer.source)
        self.drains = drains
        self.onEnd = onEnd
        if held.readableBytes > 0 { give(held, to: producer.source) }
        held = ByteBuffer()
        if hasDemand { context.read() }
        return (producer.sequence, isShuttingDown)
    }

    /// Whether a route has taken the connection over.
    var isTaken: Bool { if case .taken = mode { true } else { false } }

    /// Whether the request that is being answered has been let through to its end.
    var hasWholeRequest: Bool { unanswered == 1 }

    /// Writes past the handlers behind, which only read.
    func write(_ buffers: [ByteBuffer], promise: EventLoopPromise<Void>?) {
        guard let context else { return promise?.fail(ChannelError.ioOnClosedChannel) ?? () }
        for buffer in buffers.dropLast() { context.write(NIOAny(IOData.byteBuffer(buffer)), promise: nil) }
        context.writeAndFlush(NIOAny(IOData.byteBuffer(buffers.last ?? ByteBuffer())), promise: promise)
    }

    /// Another descriptor of the connection's socket.
    func duplicate() throws -> Descriptor {
        guard let context else { throw ChannelError.ioOnClosedChannel }
        let number = try context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
            let original = Descriptor(owning: $0)
            do {
                let copy = try original.duplicate()
                _ = original.release()  // It is NIO's.
                return copy.release()
            } catch {
                _ = original.release()
                throw error
            }
        }
        guard let number else { throw ChannelError.operationUnsupported }
        return Descriptor(owning: number)
    }

    /// The consumer of a taken connection wants more, or is gone for good.
    func demand(_ wanted: Bool) {
        hasDemand = wanted
        if wanted { context?.read() }
    }

    private func passRequest(_ buffer: inout ByteBuffer, _ context: ChannelHandlerContext) {
        guard case .http(var framing) = mode else { return }
        while buffer.readableBytes > 0 {
            guard unanswered <= 0 else {
                held.writeBuffer(&buffer)
                break
            }
            let length = framing.consume(buffer.readableBytesView)
            guard let request = buffer.readSlice(length: length) else { break }
            if framing.isComplete {
                framing = RequestFraming()
                unanswered += 1
            }
            context.fireChannelRead(wrapInboundOut(request))
        }
        mode = .http(framing)
    }

    private func give(_ buffer: ByteBuffer, to source: Inbound.Source) {
        switch source.yield(buffer) {
        case .produceMore: hasDemand = true
        case .stopProducing, .dropped: hasDemand = false
        }
    }

    private func finish(_ error: (any Error)?, endsConnection: Bool = true) {
        if case .taken(let source) = mode {
            if let error { source.finish(error) } else { source.finish() }
        }
        if endsConnection { onEnd?() }
    }
}
