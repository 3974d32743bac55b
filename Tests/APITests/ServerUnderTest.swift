import Logging
import ServiceLifecycle
import Worker

@testable import API

/// A server on a port of its own, for the length of a test.
struct ServerUnderTest {
    let containers: ScriptedContainers
    let port: Int
    let group: ServiceGroup

    /// Begins the graceful shutdown that every test ends with, now.
    func shutDown() async { await group.triggerGracefulShutdown() }

    func connect() async throws -> WireClient { try await WireClient.connect(port: port) }

    /// One request on a connection of its own.
    func call(
        _ method: String, _ path: String, _ body: String? = nil, headers: [String] = []
    ) async throws -> WireClient.Response {
        let client = try await connect()
        let response = try await client.call(method, path, body, headers: headers)
        try? await client.close()
        return response
    }

    /// Opens a process stream and reads its head and first payload.
    func open(_ method: String, _ path: String, _ body: String? = nil) async throws -> (
        client: WireClient, head: String, first: String
    ) {
        let client = try await connect()
        try await client.request(method, path, body)
        return (client, try await client.head(), try await client.line())
    }

    /// A run with this id, its head and first payload read.
    func run(_ id: String = "p") async throws -> (client: WireClient, attachment: ScriptedAttachment) {
        let (client, _, _) = try await open("POST", "/containers/c/processes", #"{"id":"\#(id)","path":"sh"}"#)
        guard let attachment = containers.attachment else { throw WireClient.Failure.closed("no attachment") }
        return (client, attachment)
    }
}

/// Runs a server around `body` and shuts it down afterwards.
func withServer(
    _ compatibility: Compatibility = .concourse, timeout: Duration = .seconds(300),
    drainTime: Duration = .seconds(60), path: String? = nil,
    extra: [RouteGroup] = [], _ body: @escaping @Sendable (ServerUnderTest) async throws -> Void
) async throws {
    let containers = ScriptedContainers()
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let garden = GardenRoutes(
        containers, compatibility: compatibility,
        capacity: { HostCapacity(memoryBytes: 1 << 34, diskBytes: 1 << 40) }, logger: logger)
    let (addresses, announce) = AsyncStream<ListenAddress>.makeStream()
    var configuration = APIServer.Configuration(addresses: [.tcp(host: "127.0.0.1", port: 0)])
    if let path { configuration.addresses.append(.unix(path: path)) }
    configuration.requestTimeout = timeout
    configuration.drainTime = drainTime
    let server = APIServer(configuration, groups: [garden.group] + extra, logger: logger) { announce.yield($0) }
    let group = ServiceGroup(services: [server], logger: logger)
    let count = configuration.addresses.count
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        var port = 0
        var known = 0
        for await address in addresses {
            if case .tcp(_, let chosen) = address { port = chosen }
            known += 1
            if known == count { break }
        }
        try await body(ServerUnderTest(containers: containers, port: port, group: group))
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
    }
}

/// Waits until a condition holds; the bound is generous, since a busy machine is no failure.
func eventually(_ condition: @escaping @Sendable () -> Bool) async throws {
    for _ in 0..<6000 {
        if condition() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    throw WireClient.Failure.closed("condition never held")
}
