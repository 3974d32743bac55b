import Foundation
import Telemetry
import TestSupport
import Testing

@testable import OTLPExport

/// A receiver of somebody else's takes what we send.
@Suite(.serialized) struct SecondOpinionTests {
    @Test("ddapm-test-agent takes spans by HTTP and gRPC", arguments: OTLPConfiguration.Transport.allCases)
    func agent(transport: OTLPConfiguration.Transport) throws {
        let scratch = try Scratch()
        let python = try BackgroundProgram.python()
        // It wants its ports told; one that somebody took meanwhile shows in its output.
        let script =
            "import socket\ns = [socket.create_server(('127.0.0.1', 0)) for _ in range(3)]\nprint(*[x.getsockname()[1] for x in s])"
        let ports = try runProgram(python, "-c", script).split(whereSeparator: \.isWhitespace).map { Int($0) ?? 0 }
        try #require(ports.count == 3)
        let agent = try BackgroundProgram(
            [
                "\(python.dropLast("python3".count))ddapm-test-agent", "--port", "\(ports[0])", "--otlp-http-port",
                "\(ports[1])", "--otlp-grpc-port", "\(ports[2])", "--agent-url", "",
            ], scratch: scratch)
        let ask = """
            import sys, urllib.request
            print(urllib.request.urlopen('http://127.0.0.1:\(ports[1])/test/session/traces').read().decode())
            """
        _ = try eventually("the agent: \(agent.text)") { try? runProgram(python, "-c", ask) }
        let port = transport == .grpc ? ports[2] : ports[1]
        var configuration = try quick("http://127.0.0.1:\(port)", transport)
        configuration.compression = .gzip
        let exporter = try OTLPExporter(configuration, logger: silent)
        exporter.export([try fullSample(), try sample("plain")], resource: Resource(hostName: "here"))
        #expect(exporter.flush(milliseconds: 100_000, stop: true), "\(exporter.statistics) \(agent.text)")
        #expect(exporter.statistics.exported == 2, "\(exporter.statistics)")
        let answer = try runProgram(python, "-c", ask)
        for part in ["POST /containers", "plain", "mount /x: operation not permitted", "oom_kill", "created_by"] {
            #expect(answer.contains(part), "\(part) is missing in \(answer)")
        }
    }
}
