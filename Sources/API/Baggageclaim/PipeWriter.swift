internal import Kernel
internal import NIOCore
internal import NIOPosix

/// The end of a pipe that takes bytes, written to by an event loop.
struct PipeWriter: Sendable {
    private let channel: any Channel
    private var pending: EventLoopFuture<Void>?
    private var pendingBytes = 0

    /// Bytes that may wait for the pipe before the sender has to: some of them make one system call of many small
    /// pieces, and more would only take memory.
    private static let pendingMax = 256 << 10

    private init(_ channel: any Channel) { self.channel = channel }

    /// Takes the descriptor, whether or not it succeeds.
    static func open(_ descriptor: consuming Descriptor) async throws -> PipeWriter {
        let number = descriptor.release()
        do {
            let channel = try await NIOPipeBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .takingOwnershipOfDescriptor(output: number).get()
            return PipeWriter(channel)
        } catch {
            // The channel was not made, hence the descriptor is still ours.
            _ = Descriptor(owning: number)
            throw error
        }
    }

    /// Hands bytes over. Waits for the pipe when there are many: nothing piles up here, and the sender is as fast as
    /// the reader. An error may be that of bytes before.
    mutating func write(_ buffer: ByteBuffer) async throws {
        pending = channel.writeAndFlush(buffer)
        pendingBytes += buffer.readableBytes
        if pendingBytes >= Self.pendingMax { try await flush() }
    }

    /// Returns when the pipe has taken everything.
    mutating func flush() async throws {
        pendingBytes = 0
        // Writes are made in their order, hence the last one stands for all.
        guard let last = pending.take() else { return }
        let channel = channel
        try await withTaskCancellationHandler {
            try await last.get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    /// Closes the pipe: the reader finds the end.
    func close() async {
        // Fails when it is closed already.
        try? await channel.close().get()
    }
}
