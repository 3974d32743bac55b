// The service that the W3C's validation suite for Trace Context talks to: Apron's HTTP server and propagator, and one
// route that does what the suite says.
//
//     TraceContextService 7900          # then: python test.py http://127.0.0.1:7900/test
//
// The suite's own server listens on Garden's port unless HARNESS_PORT says otherwise, and tests level 2 when
// SPEC_LEVEL is 2.

import API
import FoundationEssentials
import Logging
import ServiceLifecycle
import Telemetry
import UnixSignals

/// One request that the suite wants made, with the body that goes with it.
private struct Order: Codable {
    var url: String
    var arguments: [Order]
}

@main
enum TraceContextService {
    static func main() async throws {
        let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 0
        try Telemetry.configure(Telemetry.Configuration())
        let logger = Logger(label: "trace-context") { _ in SwiftLogNoOpLogHandler() }
        let group = RouteGroup.post("/test") { body in
            for order in try JSONDecoder().decode([Order].self, from: Data(body)) {
                // Each request has a span of its own, as every request to another worker has.
                let span = Telemetry.start(.volumeP2P, kind: .client)
                defer { span.end() }
                let arguments = try JSONEncoder().encode(order.arguments)
                try await Outbound.post(order.url, headers: span.context.outboundHeaders, body: Array(arguments))
            }
            return Array("{}\n".utf8)
        }
        let server = APIServer(
            APIServer.Configuration(addresses: [.tcp(host: "127.0.0.1", port: port)]), groups: [group], logger: logger
        ) { address in print("listening on \(address)") }
        let services = ServiceGroupConfiguration(
            services: [server], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        try await ServiceGroup(configuration: services).run()
    }
}
