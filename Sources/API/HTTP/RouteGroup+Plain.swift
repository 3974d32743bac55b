internal import HTTPTypes

extension RouteGroup {
    /// One POST route that takes the whole body and answers with JSON text, for programs beside the worker that want
    /// its server and its way with trace contexts, and none of its APIs.
    /// - Parameters:
    ///   - path: without parameters
    ///   - handler: runs below the request's span
    package static func post(
        _ path: String, handler: @escaping @Sendable ([UInt8]) async throws -> [UInt8]
    ) -> RouteGroup {
        let route = Route(.post, path) { exchange in
            let answer = try await handler(try await exchange.body())
            return Reply(status: .ok, headers: [.contentType: "application/json"], body: .bytes(answer))
        }
        return RouteGroup(routes: [route]) { error in .text("\(error)", status: .badRequest) }
    }
}
