internal import HTTPTypes
internal import NIOCore
internal import Worker

/// One request as a handler sees it.
struct Exchange: Sendable {
    /// The request.
    let request: Request
    /// The request's span; current while the handler runs, unless the handler opens it.
    let span: RequestSpan
    /// The named parts of the path, without escapes.
    let parameters: [String: String]
    private let querySource: Substring

    init(request: Request, span: RequestSpan, parameters: [String: String], query: Substring) {
        self.request = request
        self.span = span
        self.parameters = parameters
        querySource = query
    }

    /// The pairs of the query, in order.
    var query: [(key: String, value: String)] { PathEscapes.pairs(ofQuery: querySource) }

    /// A named part of the path; the route's template has it.
    subscript(_ parameter: String) -> String { parameters[parameter] ?? "" }

    /// The whole body, if it is within the limit. A longer one is refused before it is read, when its length is told.
    func body(limit: Int = Exchange.bodyLimit) async throws -> [UInt8] {
        if let announced = request.headers[.contentLength].flatMap({ Int($0) }), announced > limit {
            throw Self.tooLarge(limit)
        }
        var bytes: [UInt8] = []
        for try await buffer in request.body {
            guard bytes.count + buffer.readableBytes <= limit else { throw Self.tooLarge(limit) }
            bytes.append(contentsOf: buffer.readableBytesView)
        }
        return bytes
    }

    /// Largest JSON body in bytes; properties carry the whole results of steps.
    static let bodyLimit = 8 << 20

    private static func tooLarge(_ limit: Int) -> WorkerError {
        WorkerError(.tooLarge, "request body exceeds the limit of \(limit) bytes")
    }
}
