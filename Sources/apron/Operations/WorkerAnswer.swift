internal import API
internal import ArgumentParser
internal import FoundationEssentials
internal import Kernel

/// Where the running worker is asked.
struct OperationsPlace: ParsableArguments {
    @Option(help: "The worker's operations server (environment: APRON_OPERATIONS_URL).")
    var url: String?

    private static let standard = "http://127.0.0.1:7776"

    /// The server that is meant.
    func client() throws -> OperationsClient {
        let text = try url ?? CurrentProcess.environment()["APRON_OPERATIONS_URL"] ?? Self.standard
        guard let client = OperationsClient(url: text) else {
            throw UsageError("--url must be like \(Self.standard), not '\(text)'")
        }
        return client
    }
}

extension OperationsClient {
    /// The answer, if it is a good one.
    func ask(_ path: String) async throws -> Answer {
        let answer: Answer
        do { answer = try await get(path) } catch let failure as Failure {
            throw UsageError(
                "\(failure); is 'apron worker' running, and where do its --operations-bind-ip and -port say?")
        }
        guard answer.status == 200 else {
            throw UsageError("\(url) answered \(answer.status): \(TerminalText.line(answer.text))")
        }
        return answer
    }

    /// The answer's JSON.
    func ask<Value: Decodable>(_ path: String, for _: Value.Type) async throws -> Value {
        let answer = try await ask(path)
        return try JSONDecoder().decode(Value.self, from: Data(answer.body))
    }
}

/// A list that may be cut, and how long it is.
struct Counted<Item: Decodable & Sendable>: Decodable, Sendable {
    var total: Int
    var items: [Item]
}

/// The state of a worker as its operations server tells it; times in milliseconds since the epoch.
struct WorkerAnswer: Decodable, Sendable {
    struct Worker: Decodable, Sendable {
        var name: String
        var version: String
        var started: Double
        var processors: Int
    }

    struct Host: Decodable, Sendable {
        struct Pressure: Decodable, Sendable {
            var some: Double
        }

        var cpu: Pressure?
        var memory: Pressure?
        var io: Pressure?
        var memoryBytes: UInt64?
        var memoryAvailable: UInt64?
        var diskBytes: UInt64?
        var diskAvailable: UInt64?
        var load: Double?
    }

    struct Container: Decodable, Sendable {
        struct Program: Decodable, Sendable {
            var command: String
            var running: Bool
        }

        var handle: String
        var state: String
        var created: Double
        var cpu: Double?
        var memory: UInt64?
        var tasks: UInt64?
        var processes: [Program]?
    }

    struct Volume: Decodable, Sendable {
        var handle: String
    }

    struct Span: Decodable, Sendable {
        var trace: String
        var name: String
        var handle: String?
        var start: Double
    }

    var time: Double
    var worker: Worker
    var host: Host
    var containers: Counted<Container>
    var volumes: Counted<Volume>
    var open: Counted<Span>
    var traces: Counted<TraceLine>
}

/// A trace in one line.
struct TraceLine: Decodable, Sendable {
    var id: String
    var name: String
    var handles: [String]
    var start: Double
    var end: Double?
    var spans: Int
    var open: Int
    var errors: Int
    var failure: String?
}

/// The answer to a question for traces.
struct TraceLines: Decodable, Sendable {
    var traces: [TraceLine]
}
