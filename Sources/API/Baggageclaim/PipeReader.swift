internal import Kernel
internal import NIOCore
internal import NIOPosix

/// The end of a pipe that gives bytes, read by an event loop as they are asked for.
struct PipeReader: Sendable {
    private let channel: any Channel
    private let handler: NIOLoopBound<PipeReads>

    /// Bytes that one read asks for: what a pipe holds unless told otherwise (pipe(7)). One turn of the event loop
    /// makes at most four of them, and one turn is read ahead.
    private static let readSize = 64 << 10

    /// Takes the descriptor, whether or not it succeeds.
    static func open(_ descriptor: consuming Descriptor) async throws -> PipeReader {
        let number = descriptor.release()
        do {
            let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
            // Kept here, since a channel whose pipe is at its end soon has no handlers any more.
            let handler = try await eventLoop.submit { NIOLoopBound(PipeReads(), eventLoop: eventLoop) }.get()
            let channel = try await NIOPipeBootstrap(group: eventLoop)
                .channelOption(.autoRead, value: false)
                .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: readSize))
                .channelInitializer { channel in
                    eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(handler.value) }
                }
                .takingOwnershipOfDescriptor(input: number).get()
            return PipeReader(channel: channel, handler: handler)
        } catch {
            // The channel was not made, hence the descriptor is still ours.
            _ = Descriptor(owning: number)
            throw error
        }
    }

    /// The next bytes, nil at the end. To be called by one task at a time; cancelling it closes the pipe.
    func next() async throws -> [ByteBuffer]? {
        let (channel, handler) = (channel, handler)
        let buffers = try await withTaskCancellationHandler {
            try await channel.eventLoop.flatSubmit { handler.value.next(on: channel.eventLoop) }.get()
        } onCancel: {
            channel.close(promise: nil)
        }
        // A closed pipe looks like one at its end.
        try Task.checkCancellation()
        return buffers
    }

    /// Closes the pipe: who writes to it learns that nobody reads.
    func close() async {
        // Fails when it is closed already.
        try? await channel.close().get()
    }
}

/// Keeps what was read ahead. All methods run on the pipe's event loop.
private final class PipeReads: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var context: ChannelHandlerContext?
    private var ready: [ByteBuffer] = []
    private var waiting: EventLoopPromise<[ByteBuffer]?>?
    private var isReading = false
    private var end: Result<Void, any Error>?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        finish(.success(()))
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { ready.append(unwrapInboundIn(data)) }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        deliver()
    }

    func channelInactive(context: ChannelHandlerContext) { finish(.success(())) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        finish(.failure(error))
        context.close(promise: nil)
    }

    func next(on eventLoop: any EventLoop) -> EventLoopFuture<[ByteBuffer]?> {
        let promise = eventLoop.makePromise(of: [ByteBuffer]?.self)
        waiting = promise
        deliver()
        return promise.futureResult
    }

    private func finish(_ result: Result<Void, any Error>) {
        if end == nil { end = result }
        deliver()
    }

    /// Hands out what is there, and reads on while the receiver is busy with it.
    private func deliver() {
        if waiting != nil, !ready.isEmpty {
            let buffers = ready
            ready = []
            waiting.take()?.succeed(buffers)
        }
        if let end, ready.isEmpty, let waiting = waiting.take() {
            waiting.completeWith(end.map { nil })
        }
        guard ready.isEmpty, !isReading, end == nil, let context else { return }
        isReading = true
        context.read()
    }
}
