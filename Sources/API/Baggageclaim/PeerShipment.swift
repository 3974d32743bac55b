internal import NIOHTTP1
internal import Telemetry
internal import Worker

/// Part of a volume that is to be sent to another worker.
struct PeerShipment: Sendable {
    let handle: String
    let path: String
    private let destination: String
    private let encoding: String

    /// Reads the parameters, all of which must be there.
    init(handle: String, query: [(key: String, value: String)]) throws(RefusedRequest) {
        self.handle = handle
        var values: [String] = []
        for name in ["path", "streamInURL", "encoding"] {
            guard let value = query.first(where: { $0.key == name })?.value, !value.isEmpty else {
                throw .bad("parameter \(name) is missing")
            }
            values.append(value)
        }
        (path, destination, encoding) = (values[0], values[1], values[2])
    }

    /// Sends it, within a span whose context goes with the request: the other worker's work is below it.
    func run(_ volumes: any Volumes, _ settings: PeerSettings) async throws {
        let span = Telemetry.start(.volumeP2P, kind: .client, handle: handle)
        defer { span.end() }
        do {
            try FaultPlan.strike(.volumeP2P)
            try await TraceContext.$current.withValue(span.context) { try await send(volumes, settings, span) }
        } catch {
            span.fail(error)
            throw error
        }
    }

    private func send(_ volumes: any Volumes, _ settings: PeerSettings, _ span: OpenSpan) async throws {
        let encoding = try ArchiveEncoding(header: encoding, "encoding")
        let url = try PeerURL(destination)
        span.set([
            Attribute("http.request.method", .string("PUT")), Attribute("url.full", .string(destination)),
            Attribute("server.address", .string(url.host)), Attribute("server.port", .int(Int64(url.port))),
            Attribute("apron.archive.encoding", .string(encoding.rawValue)),
        ])
        // The cheaper thing first: nothing is packed for a worker that is not there.
        let request = try await PeerRequest.connect(to: url, settings)
        do {
            let transfer = try await volumes.streamOut(handle, path: path, encoding: encoding)
            let download = try await ArchiveDownload.begin(transfer)
            let (statistics, answer) = try await request.send(download, encoding, context: span.context)
            span.set {
                $0.set("http.response.status_code", Int64(answer.status.code))
                $0.set("apron.archive.encoded_bytes", statistics.encodedBytes)
                $0.set("apron.transfer.stalled", Double(statistics.stalledNanoseconds) / 1e9)
            }
        } catch {
            await request.close()
            throw error
        }
        await request.close()
    }
}
