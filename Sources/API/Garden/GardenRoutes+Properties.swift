internal import HTTPTypes
internal import Worker

// Free key/value pairs of a container.
extension GardenRoutes {
    var propertyRoutes: [Route] {
        [
            route(.get, "/properties") { _, handle in .json(.map(try await containers.properties(handle))) },
            route(.get, "/properties/:key") { exchange, handle in
                let key = exchange["key"]
                guard let value = try await containers.property(handle, key) else {
                    throw WorkerError(.invalid, compatibility.missingProperty(key), handle: handle)
                }
                return .json(.object(["value": .string(value)]))
            },
            route(.put, "/properties/:key", isTimed: true) { exchange, handle in
                let value = try JSONObject(parsing: try await exchange.body()).string("value") ?? ""
                try await containers.setProperty(handle, exchange["key"], to: value)
                return .empty
            },
            route(.delete, "/properties/:key", isTimed: true) { exchange, handle in
                try await containers.removeProperty(handle, exchange["key"])
                return .empty
            },
        ]
    }
}
