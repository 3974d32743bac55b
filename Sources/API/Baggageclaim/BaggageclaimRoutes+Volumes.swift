internal import HTTPTypes
internal import Telemetry
internal import Worker

// What volumes there are, their properties, and their end.
extension BaggageclaimRoutes {
    var volumeRoutes: [Route] {
        [
            route(.get, "/volumes", .list) { exchange in
                WireVolume.list(try await volumes.list(try Self.filter(exchange.query)))
            },
            // Before the route about one volume, whose handle could be "destroy".
            route(.delete, "/volumes/destroy", .destroy, isTimed: true) { exchange in
                try await volumes.destroy(all: try Self.handles(try await exchange.body()))
                return .noContent
            },
            route(.post, "/volumes/cleanup-orphans", .other) { _ in
                try await volumes.cleanUpOrphans()
                return .noContent
            },
            handleRoute(.get, "/volumes/:handle", .find) { _, handle in WireVolume.one(try await volumes.find(handle))
            },
            // Not about the volume, as far as its own trace goes: nobody wants to read about reading.
            route(.get, "/volumes/:handle/trace", .find) { exchange in try await trace(exchange) },
            handleRoute(.delete, "/volumes/:handle", .destroy, isTimed: true) { _, handle in
                try await volumes.destroy(handle)
                return .noContent
            },
            handleRoute(.put, "/volumes/:handle/properties/:property", .setProperty, isTimed: true) {
                exchange, handle in
                let value = try JSONObject(parsing: try await exchange.body()).string("value") ?? ""
                try await volumes.setProperty(handle, exchange["property"], to: value)
                return .noContent
            },
            handleRoute(.get, "/volumes/:handle/privileged", .getPrivileged) { _, handle in
                .json(.bool(try await volumes.find(handle).isPrivileged))
            },
            handleRoute(.put, "/volumes/:handle/privileged", .setPrivileged, isTimed: true) { exchange, handle in
                let isPrivileged = try JSONObject(parsing: try await exchange.body()).flag("value")
                try await volumes.setPrivileged(handle, to: isPrivileged)
                return .noContent
            },
        ]
    }

    /// All spans that the worker remembers of a handle; of a destroyed volume too, for a while.
    private func trace(_ exchange: Exchange) async throws -> Reply {
        let handle = try NameRules.check(exchange["handle"], as: "handle")
        let spans = Telemetry.store.spans(handle: handle)
        if spans.isEmpty { _ = try await volumes.find(handle) }
        return .trace(spans)
    }

    /// Every pair of the query is a property that must match.
    private static func filter(_ query: [(key: String, value: String)]) throws -> [String: String] {
        var filter: [String: String] = [:]
        for (key, value) in query where filter.updateValue(value, forKey: key) != nil {
            let values = query.filter { $0.key == key }.map(\.value).joined(separator: ", ")
            throw RefusedRequest.unprocessable(
                "a property may only have a single value: \(key) has many (\(values))", isWhole: true)
        }
        return filter
    }

    private static func handles(_ body: [UInt8]) throws -> [String] {
        switch try JSONParser.parse(body) {
        case .null: return []
        case .array(let elements):
            return try elements.enumerated().map { position, element in
                guard case .string(let handle) = element else {
                    throw JSONError.mismatch("[\(position)]", expected: "a string", found: element)
                }
                return try NameRules.check(handle, as: "handle")
            }
        case let value: throw JSONError.mismatch("", expected: "a list", found: value)
        }
    }
}
