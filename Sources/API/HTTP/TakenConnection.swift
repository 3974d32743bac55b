internal import Kernel
internal import NIOCore
internal import Synchronization

/// A connection that a route has taken over from HTTP: raw bytes both ways.
struct TakenConnection: Sendable {
    /// What the client sends, with back-pressure: while nobody reads, neither does the server. It ends when the client
    /// closes its side and fails when the connection breaks or the server shuts down.
    let inbound: ConnectionGate.Inbound
    /// Whether the request was of HTTP/1.0: its client takes the end of the connection for the end of the body.
    let isVersion10: Bool
    /// The reply's head, while it is not sent yet.
    var unsentHead: [UInt8] = []
    /// Set before the connection ends, when the server's shutdown is the reason.
    private let shutdown: Flag
    /// Whether the socket has had a second descriptor.
    private let isShared = Flag()
    private let gate: NIOLoopBound<ConnectionGate>
    private let channel: any Channel

    /// Takes the connection over after its request has been read to the end. From then on the task that answers the
    /// request is cancelled when the connection has gone or the server shuts down.
    /// - Parameters:
    ///   - isVersion10: what the request was
    ///   - drains: whether a shutdown of the server leaves the connection alone
    static func takeOver(
        _ connection: ServerConnection, isVersion10: Bool, drains: Bool = false
    ) async throws -> TakenConnection {
        let channel = connection.channel
        return try await connection.run { receiver in
            let (inbound, shutdown) = try receiver.takeOver(drains: drains)
            return TakenConnection(
                inbound: inbound, isVersion10: isVersion10, shutdown: shutdown,
                gate: NIOLoopBound(receiver.gate, eventLoop: channel.eventLoop), channel: channel)
        }
    }

    /// Whether the server ends the connection because it shuts down, known before ``inbound`` ends.
    var isShuttingDown: Bool { shutdown.isRaised }

    /// Returns when the kernel has accepted the bytes.
    func write(_ bytes: [UInt8]) async throws { try await write([ByteBuffer(bytes: bytes)]) }

    /// Returns when the kernel has accepted the bytes of all buffers.
    func write(_ buffers: [ByteBuffer]) async throws {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        try await channel.eventLoop.run { gate.value.write(buffers, promise: promise) }
        try await promise.futureResult.get()
    }

    /// Another, non-blocking descriptor of the socket, for writers that need no event loop.
    func duplicate() async throws -> Descriptor {
        isShared.raise()
        let number = try await channel.eventLoop.run { try gate.value.duplicate().release() }
        return Descriptor(owning: number)
    }

    /// Closes; every write has waited for the kernel to accept its bytes.
    func close() {
        let (channel, isShared) = (channel, isShared.isRaised)
        channel.eventLoop.perform {
            // While there is a second descriptor, closing this one says nothing to the client; shutdown(2) does.
            if isShared { channel.close(mode: .output, promise: nil) }
            channel.close(promise: nil)
        }
    }
}

/// What is no at first and may become yes, for several threads to see.
final class Flag: Sendable {
    private let value = Atomic<Bool>(false)

    /// Whether it is set.
    var isRaised: Bool { value.load(ordering: .acquiring) }

    /// Sets it.
    func raise() { value.store(true, ordering: .releasing) }
}

extension EventLoop {
    /// Runs `body` on the loop: at once for the tasks that are there already, as those of connections are.
    func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await inEventLoop ? body() : submit(body).get()
    }

    /// The same without an answer.
    func perform(_ body: @escaping @Sendable () -> Void) {
        if inEventLoop { body() } else { execute(body) }
    }
}
