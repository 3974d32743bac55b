internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// A sentence about what went wrong on the way to a collector.
enum FailureText {
    static func of(_ error: any Error, _ endpoint: Endpoint) -> String {
        switch error {
        case let error as NIOConnectionError:
            if let refused = error.connectionErrors.first?.error { return "\(endpoint.authority): \(text(refused))" }
            let cause = error.dnsAError ?? error.dnsAAAAError
            return "\(endpoint.host): the name was not found\(cause.map { ": \(text($0))" } ?? "")"
        default: return "\(endpoint.authority): \(text(error))"
        }
    }

    private static func text(_ error: any Error) -> String {
        switch error {
        case ChannelError.connectTimeout: "no connection in time"
        case let error as NIOSSLError: "TLS: \(error)"
        case let error as BoringSSLError: "TLS: \(error)"
        case let error as NIOSSLExtraError: "TLS: \(error)"
        default: "\(error)"
        }
    }
}
