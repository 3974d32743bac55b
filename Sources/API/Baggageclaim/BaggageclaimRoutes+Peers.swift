internal import HTTPTypes
internal import Logging
internal import NIOCore
internal import Telemetry
internal import Worker

// Volumes sent from worker to worker, past the web node.
extension BaggageclaimRoutes {
    var peerRoutes: [Route] {
        [
            route(.get, "/p2p-url", .other) { _ in
                // Without a newline: clients take the body as it is.
                Reply(
                    status: .ok, headers: [.contentType: "text/plain; charset=utf-8"],
                    body: .bytes(Array(try peers.url().utf8)))
            },
            handleRoute(.put, "/volumes/:handle/stream-p2p-out", .streamToPeer) { exchange, handle in
                let shipment = try PeerShipment(handle: handle, query: exchange.query)
                // A connection can only be taken over behind the end of its request.
                _ = try await exchange.body()
                return .volumeStream(contentType: "plain/text") { connection in
                    if let connection { await report(shipment, on: connection) }
                }
            },
        ]
    }

    /// What the client of a transfer waits for.
    private enum Event {
        /// The transfer has ended; `ok`, or why not.
        case ended(String)
        /// The client has hung up.
        case gone
    }

    /// Runs a transfer while the client is told now and then that it goes on. It ends when the client hangs up.
    private func report(_ shipment: PeerShipment, on connection: TakenConnection) async {
        let body = ChunkedBody(connection: connection)
        let outcome = await withTaskGroup(of: Event.self) { group in
            group.addTask { .ended(await run(shipment)) }
            group.addTask {
                repeat {
                    do {
                        try await Task.sleep(for: peers.signOfLife)
                        try await body.write("\n")
                    } catch {
                        return .gone
                    }
                } while true
            }
            group.addTask {
                // Nothing is expected of the client; its end is what this waits for.
                do { for try await _ in connection.inbound {} } catch { return .gone }
                return .gone
            }
            let first = await group.next() ?? .gone
            group.cancelAll()
            return first
        }
        guard case .ended(let text) = outcome else {
            return logger.debug("client of a transfer has gone", metadata: ["handle": "\(shipment.handle)"])
        }
        do {
            try await body.write(text)
            try await body.end()
        } catch {
            logger.debug("outcome of a transfer not delivered: \(error)", metadata: ["handle": "\(shipment.handle)"])
        }
    }

    /// `ok`, or a sentence.
    private func run(_ shipment: PeerShipment) async -> String {
        do {
            try await shipment.run(volumes, peers)
            return "ok"
        } catch {
            logger.debug("transfer failed: \(error)", metadata: ["handle": "\(shipment.handle)"])
            return VolumeOperation.streamToPeer.text(of: error)
        }
    }
}
