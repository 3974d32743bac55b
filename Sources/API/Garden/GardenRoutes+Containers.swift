internal import HTTPTypes
internal import Telemetry
internal import Worker

// Ping, list, create, stop, destroy, grace time.
extension GardenRoutes {
    var containerRoutes: [Route] {
        [
            Route(.get, "/ping") { _ in .empty },
            Route(.get, "/containers") { exchange in try await list(exchange) },
            Route(.post, "/containers", parent: .body, isTimed: true) { exchange in try await create(exchange) },
            route(.delete, "", isTimed: true) { _, handle in
                try await containers.destroy(handle)
                return .empty
            },
            route(.put, "/stop", isTimed: true) { exchange, handle in
                let kill = try JSONObject(parsing: try await exchange.body()).flag("kill")
                try await containers.stop(handle, kill: kill)
                return .empty
            },
            route(.put, "/grace_time", isTimed: true) { exchange, handle in
                let value = try JSONParser.parse(try await exchange.body())
                let time = try JSONObject.unsigned(value, path: "", maximum: UInt64(Int64.max))
                try await containers.setGraceTime(handle, nanoseconds: time)
                return .empty
            },
        ]
    }

    private func list(_ exchange: Exchange) async throws -> Reply {
        var filter: [String: String] = [:]
        for (key, value) in exchange.query where filter[key] == nil && !compatibility.isStateFilter(key, value) {
            filter[key] = value  // Of a repeated key the first value counts.
        }
        return .json(.object(["Handles": .list(try await containers.list(filter))]))
    }

    /// Only the body tells the parent of a create request from the orchestrator, hence its span opens here.
    private func create(_ exchange: Exchange) async throws -> Reply {
        let spec = try WireContainerSpec(try await exchange.body(), compatibility)
        exchange.span.open(environment: try spec.environment())
        let request = try spec.request()
        if let handle = request.handle { exchange.span.setHandle(handle) }
        let handle = try await TraceContext.$current.withValue(exchange.span.context) {
            try await containers.create(request)
        }
        exchange.span.setHandle(handle)
        return .json(.object(["Handle": .string(handle)]))
    }
}
