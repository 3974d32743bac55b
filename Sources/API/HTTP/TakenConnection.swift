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
    private let end: EventLoopFuture<Void>
    private let shutdown: ShutdownFlag
    private let gate: NIOLoopBound<ConnectionGate>
    private let channel: any Channel

    /// Takes the connection over after its request has been read to the end.
    static func takeOver(_ channel: any Channel) async throws -> TakenConnection {
        try await channel.eventLoop.submit {
            let gate = try channel.pipeline.syncOperations.handler(type: ConnectionGate.self)
            let (inbound, end, shutdown) = try gate.takeOver()
            return TakenConnection(
                inbound: inbound, isVersion10: gate.isVersion10, end: end, shutdown: shutdown,
                gate: NIOLoopBound(gate, eventLoop: channel.eventLoop), channel: channel)
        }.get()
    }

    /// Whether the server ends the connection because it shuts down, known before ``inbound`` ends.
    var isShuttingDown: Bool { shutdown.isRaised }

    /// Returns when the kernel has accepted the bytes.
    func write(_ bytes: [UInt8]) async throws {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        channel.eventLoop.execute { gate.value.write(ByteBuffer(bytes: bytes), promise: promise) }
        try await promise.futureResult.get()
    }

    /// Another, non-blocking descriptor of the socket, for writers that need no event loop.
    func duplicate() async throws -> Descriptor {
        let number = try await channel.eventLoop.submit { try gate.value.duplicate().release() }.get()
        return Descriptor(owning: number)
    }

    /// Runs `body` until it returns, or cancels it when the connection has gone or the server shuts down; then closes
    /// the connection.
    func run(_ body: @escaping @Sendable () async -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await body()
                await close()
            }
            group.addTask { try? await end.get() }
            await group.next()
            group.cancelAll()
        }
        await close()
    }

    /// Sends what was written and closes.
    private func close() async {
        // The socket may have a second descriptor, hence the end of output is announced by shutdown(2) first.
        try? await channel.close(mode: .output).get()
        try? await channel.close(mode: .all).get()
    }
}

/// Set once, before a connection ends, when the server's shutdown is the reason.
final class ShutdownFlag: Sendable {
    private let value = Atomic<Bool>(false)

    /// Whether it is set.
    var isRaised: Bool { value.load(ordering: .acquiring) }

    /// Sets it.
    func raise() { value.store(true, ordering: .releasing) }
}
