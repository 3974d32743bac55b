internal import HTTPTypes
internal import Telemetry
internal import Worker

// What is known of containers and of the host.
extension GardenRoutes {
    var infoRoutes: [Route] {
        [
            Route(.get, "/capacity") { _ in
                .json(WireInfo.capacity(capacity(), maximumContainers: containers.maximum))
            },
            route(.get, "/info") { _, handle in .json(WireInfo.container(try await containers.info(handle))) },
            // Not about the container, as far as its own trace goes: nobody wants to read about reading.
            Route(.get, "/containers/:handle/trace") { exchange in try await trace(exchange) },
            limit("cpu") { WireInfo.cpu($0, compatibility) },
            limit("memory") { WireInfo.memory($0) },
            // Neither is limited by the worker, and clients expect an object.
            limit("bandwidth") { _ in .object([]) },
            limit("disk") { _ in .object([]) },
        ]
    }

    /// All spans that the worker remembers of a handle, as OTLP JSON; of a destroyed container too, for a while.
    private func trace(_ exchange: Exchange) async throws -> Reply {
        let handle = try NameRules.check(exchange["handle"], as: "handle")
        let spans = Telemetry.store.spans(handle: handle)
        if spans.isEmpty { _ = try await containers.properties(handle) }
        return .trace(spans)
    }

    private func limit(
        _ name: String, _ body: @escaping @Sendable (ContainerRequest.Limits) -> JSONValue
    ) -> Route {
        route(.get, "/limits/\(name)") { _, handle in .json(body(try await containers.info(handle).limits)) }
    }
}
