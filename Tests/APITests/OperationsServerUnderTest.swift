import Logging
import ServiceLifecycle
import Synchronization
import Telemetry
import Worker

@testable import API

/// The operations server with the overview that a test wants, for the length of a test.
struct OperationsServerUnderTest {
    let port: Int
    /// What the server says there is.
    let overview: SharedOverview

    /// What it answered.
    struct Answer {
        var status: Int
        var headers: [String: String]
        var text: String
    }

    /// Sends the head of a request on a connection of its own.
    func open(_ method: String, _ path: String, host: String = "localhost", headers: [String] = []) async throws
        -> WireClient
    {
        let client = try await WireClient.connect(port: port)
        let lines = ["\(method) \(path) HTTP/1.1", "Host: \(host)", "Connection: close"] + headers
        try await client.send(lines.joined(separator: "\r\n") + "\r\n\r\n")
        return client
    }

    /// One request and all of its answer.
    func call(_ method: String, _ path: String, host: String = "localhost", headers: [String] = []) async throws
        -> Answer
    {
        let client = try await open(method, path, host: host, headers: headers)
        var lines = try await client.head().split(separator: "\r\n").map(String.init)
        let status = lines.removeFirst().split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        var answer = Answer(status: status, headers: [:], text: try await client.rest())
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else { continue }
            answer.headers[line[..<colon].lowercased()] = String(line[line.index(colon, offsetBy: 2)...])
        }
        try? await client.close()
        return answer
    }
}

/// An overview that changes.
final class SharedOverview: Sendable {
    private let value: Mutex<WorkerOverview>

    init(_ overview: WorkerOverview) { value = Mutex(overview) }

    var current: WorkerOverview { value.withLock { $0 } }

    func set(_ overview: WorkerOverview) { value.withLock { $0 = overview } }
}

/// Runs an operations server around `body`.
func withOperationsServer(
    _ overview: WorkerOverview = WorkerOverview(), names: [String] = [],
    _ body: @escaping @Sendable (OperationsServerUnderTest) async throws -> Void
) async throws {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let shared = SharedOverview(overview)
    let sources = OperationsRoutes.Sources(
        overview: { shared.current }, host: { HostState() },
        worker: WorkerFacts(name: "w", version: "0", started: 1_700_000_000_000_000_000, processID: 1, processors: 2))
    let routes = OperationsRoutes(sources, address: "127.0.0.1", names: names)
    let (addresses, announce) = AsyncStream<ListenAddress>.makeStream()
    let server = APIServer(
        APIServer.Configuration(addresses: [.tcp(host: "127.0.0.1", port: 0)]), groups: [routes.group], logger: logger
    ) { announce.yield($0) }
    let group = ServiceGroup(services: [server], logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        var port = 0
        for await address in addresses {
            if case .tcp(_, let chosen) = address { port = chosen }
            break
        }
        try await body(OperationsServerUnderTest(port: port, overview: shared))
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
    }
}
