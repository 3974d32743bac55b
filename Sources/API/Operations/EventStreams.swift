internal import HTTPTypes
internal import Synchronization

/// The page's live connections: server-sent events, each with what changed since the one before.
///
/// The first of a connection has everything, whatever the client had seen before, so that events need no ids; and from
/// time to time another one has.
///
/// A client that reads slowly gets fewer events, not a queue of them: what is sent is always the latest state, and the
/// next is made when the kernel has taken the one before.
final class EventStreams: Sendable {
    /// Pages that are open at a time; each costs a comparison a second.
    static let clientsMax = 16
    /// Silence after which a comment tells both sides that the other is there.
    private static let heartbeat = Duration.seconds(15)
    /// Between two events that have everything: a page that went wrong must not stay so.
    private static let wholeInterval = Duration.seconds(300)
    /// What a page waits before it connects again.
    private static let retryMilliseconds = 2000

    private let board: StateBoard
    private let clients = Atomic<Int>(0)

    init(_ board: StateBoard) { self.board = board }

    /// Takes the connection over, if there is room.
    func reply() -> Reply {
        guard clients.add(1, ordering: .relaxed).newValue <= Self.clientsMax else {
            clients.subtract(1, ordering: .relaxed)
            return .text(
                "\(Self.clientsMax) pages are open already, which is the most at a time", status: .serviceUnavailable)
        }
        var reply = Reply.taken(status: .ok) { connection in
            defer { self.clients.subtract(1, ordering: .relaxed) }
            // Whoever has gone needs no more.
            if let connection { try? await self.feed(connection) }
        }
        // The body has no length and no chunks, so it sends its own head.
        reply.leavesHead = true
        return reply
    }

    /// Sends events until the client goes or the server shuts down.
    private func feed(_ connection: TakenConnection) async throws {
        try await connection.write(Array(Self.head.utf8))
        var sent: OperationsState?
        var (last, whole) = (ContinuousClock.now, ContinuousClock.now)
        while true {
            let state = await board.state()
            try Task.checkCancellation()
            if .now - whole >= Self.wholeInterval { sent = nil }
            if sent == nil { whole = .now }
            if let changes = state.changes(since: sent) {
                // JSON has no line break of its own, so it is one line of data.
                try await connection.write(Array("event: state\ndata: ".utf8) + changes + Array("\n\n".utf8))
                sent = state
                last = .now
            } else if .now - last >= Self.heartbeat {
                try await connection.write(Array(":\n\n".utf8))
                last = .now
            }
            try await Task.sleep(for: StateBoard.interval)
        }
    }

    private static let head = """
        HTTP/1.1 200 OK\r
        Content-Type: text/event-stream\r
        Cache-Control: no-store\r
        X-Content-Type-Options: nosniff\r
        Cross-Origin-Resource-Policy: same-origin\r
        Connection: close\r
        \r
        retry: \(retryMilliseconds)


        """
}
