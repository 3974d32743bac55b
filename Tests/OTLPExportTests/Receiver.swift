import Foundation
import Kernel
import TestSupport
import Testing

@testable import OTLPExport

/// The collector of `receiver.py`, with a script of what to do with each request.
final class Receiver {
    /// What it got, as the reference decoder has it.
    struct Request: Decodable {
        let action: String
        let time: Double
        let path: String
        let headers: [[String]]
        let peer: String
        let spans: [Span]
        let metrics: [Metric]

        func header(_ name: String) -> String? { headers.first { $0[0].lowercased() == name }?[1] }
    }

    struct Span: Decodable, Equatable {
        var resource: [[String]] = []
        var scope = "apron"
        var schema: [String] = []
        var traceID = ""
        var spanID = ""
        var parent = ""
        var state = ""
        var name = ""
        var kind = 1
        var flags = 0x103
        var start = ""
        var end = ""
        var attributes: [[String]] = []
        var dropped = [0, 0, 0]
        var events: [[String]] = []
        var links: [[String]] = []
        var status = ["0", ""]
    }

    struct Metric: Decodable {
        let resource: [[String]]
        let scope: String
        let schema: [String]
        let name: String
        let description: String
        let unit: String
        let kind: String
        let temporality: Int
        let isMonotonic: Bool
        let points: [Point]
    }

    struct Point: Decodable {
        let attributes: [[String]]
        let start: String
        let time: String
        let value: Double
        let count: Int
        let buckets: [Int]
        let bounds: [Double]
        let exemplars: [[String]]
    }

    private struct Ports: Decodable {
        let http: Int
        let grpc: Int
    }

    private let program: BackgroundProgram
    private let scratch = Result { try Scratch() }
    private let log: String
    private let ports: Ports
    private let isSecure: Bool

    /// - Parameters:
    ///   - script: JSON, see receiver.py
    ///   - tls: certificate, key and perhaps the authority of clients
    init(_ script: String = "[]", tls: [String] = []) throws {
        let scratch = try scratch.get()
        let file = "\(BackgroundProgram.package)/Tests/OTLPExportTests/receiver.py"
        log = "\(scratch.path)/log"
        let program = try BackgroundProgram(
            [try BackgroundProgram.python(), file, log, script] + tls, scratch: scratch)
        self.program = program
        isSecure = !tls.isEmpty
        let log = log
        let line = try eventually("the receiver's ports; it said: \(program.text)") { Receiver.lines(log).first }
        ports = try JSONDecoder().decode(Ports.self, from: Data(line.utf8))
    }

    private static func lines(_ path: String) -> [Substring] {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        // The last one may be under way.
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    }

    /// All requests so far.
    func requests() throws -> [Request] {
        try Self.lines(log).dropFirst().map { try JSONDecoder().decode(Request.self, from: Data($0.utf8)) }
    }

    /// Names of all spans that were taken.
    func names() throws -> [String] {
        try requests().filter { $0.action == "\"ok\"" }.flatMap { $0.spans.map(\.name) }
    }

    func port(_ transport: OTLPConfiguration.Transport) -> Int { transport == .grpc ? ports.grpc : ports.http }

    /// Settings that reach it, with short pauses.
    func configuration(
        _ transport: OTLPConfiguration.Transport = .protobuf, host: String = "127.0.0.1"
    ) throws -> OTLPConfiguration {
        try quick("\(isSecure ? "https" : "http")://\(host):\(port(transport))", transport)
    }

    func kill() throws { try program.kill() }
}

/// Settings with short pauses.
func quick(
    _ endpoint: String, _ transport: OTLPConfiguration.Transport = .protobuf
) throws -> OTLPConfiguration {
    var configuration = OTLPConfiguration(
        endpoint: try Endpoint(endpoint, transport: transport, isBase: true), transport: transport)
    configuration.retry = Backoff(first: 10, most: 20)
    configuration.probe = Backoff(first: 10, most: 20)
    configuration.delayMilliseconds = 20
    configuration.timeoutMilliseconds = 60_000
    return configuration
}
