internal import HTTPTypes
internal import Worker

// Making volumes, while the client waits or in the background.
extension BaggageclaimRoutes {
    /// How long a client may be kept waiting for a creation that is under way. Clients give up on a reply's head after
    /// a minute by default, and proxies after thirty seconds.
    private static let longestWait = Duration.seconds(25)

    var creationRoutes: [Route] {
        [
            route(.post, "/volumes", .create) { exchange in
                let wire = try await request(exchange)
                let volume = try await volumes.create(wire.request)
                exchange.span.setHandle(volume.handle)
                return WireVolume.one(volume, status: .created, owner: wire.owner)
            },
            // Answers at once: the client's next request waits for the outcome, see below.
            route(.post, "/volumes-async", .create) { exchange in
                let handle = try await volumes.beginCreation(try await request(exchange).request)
                exchange.span.setHandle(handle)
                return .json(.object(["handle": .string(handle)]), status: .created)
            },
            handleRoute(.get, "/volumes-async/:handle", .create, endsAtShutdown: true) { _, handle in
                try await outcome(handle)
            },
            handleRoute(.delete, "/volumes-async/:handle", .create) { _, handle in
                try await volumes.cancelCreation(handle)
                return .noContent
            },
        ]
    }

    private func request(_ exchange: Exchange) async throws -> WireVolumeRequest {
        let wire = try WireVolumeRequest(parsing: try await exchange.body())
        if let handle = wire.request.handle { exchange.span.setHandle(handle) }
        return wire
    }

    /// Holds the request until the creation has settled, which saves clients their ever longer pauses between two
    /// questions. A server that shuts down sends them away.
    private func outcome(_ handle: String) async throws -> Reply {
        do {
            guard let volume = try await volumes.creation(handle, wait: Self.longestWait) else { return .noContent }
            let owner = volume.owner.map { WireOwner(uid: Int64($0.uid), gid: Int64($0.gid)) }
            return WireVolume.one(volume, owner: owner ?? WireOwner())
        } catch is CancellationError {
            return .noContent
        }
    }
}
