internal import HTTPTypes
internal import Worker

/// What a client asked for, as far as its failure goes: the sentence that every failure begins with, and which status
/// each kind of failure has. Clients put the text into the build's log, hence the cause is in it; the few texts that
/// they compare stand alone.
enum VolumeOperation: String, CaseIterable {
    case list = "failed to list volumes"
    case create = "failed to create volume"
    case find = "failed to get volume"
    case destroy = "failed to destroy volume"
    case setProperty = "failed to set property on volume"
    case getPrivileged = "failed to get privileged status of volume"
    case setPrivileged = "failed to change privileged status of volume"
    case streamIn = "failed to stream in to volume"
    case streamOut = "failed to stream out from volume"
    case streamToPeer = "failed to stream p2p out from volume"
    /// What says it all by itself.
    case other = ""

    /// The reply that tells of an error.
    func reply(to error: any Error) -> Reply {
        var reply = Self.reply(status(of: error), text(of: error))
        reply.failure = error
        return reply
    }

    /// The whole text of an error.
    func text(of error: any Error) -> String {
        switch error {
        case let error as VolumeError:
            switch error.kind {
            case .noSuchFile where self == .streamOut: "no such file or directory"
            case .creationExists: "promise already exists in list"
            case .creationSettled: "promise is not pending"
            case .unknownCreation: ""
            case .limitExceeded: error.message
            default: text(error.message)
            }
        case let error as RefusedRequest where error.isWhole: error.description
        case is CancellationError: text("the worker is shutting down")
        default: text("\(error)")
        }
    }

    private func text(_ cause: String) -> String { self == .other ? cause : "\(rawValue): \(cause)" }

    private func status(of error: any Error) -> Reply.Status {
        switch error {
        case let error as VolumeError: status(error.kind)
        case let error as RefusedRequest: error.status
        case is JSONError: .badRequest
        case let error as WorkerError:
            switch error.kind {
            case .tooLarge: .contentTooLarge
            case .invalid: .badRequest
            default: .internalServerError
            }
        default: .internalServerError
        }
    }

    private func status(_ kind: VolumeError.Kind) -> Reply.Status {
        switch (kind, self) {
        case (.unknownCreation, _): .notFound
        case (.unknownParent, .create), (.invalid, .create): .unprocessableContent
        case (_, .create), (_, .list), (_, .other): .internalServerError
        case (.unknownVolume, _), (.noSuchFile, .streamOut): .notFound
        case (.invalid, _), (.badArchive, _): .badRequest
        case (.limitExceeded, _): .forbidden
        default: .internalServerError
        }
    }

    /// The one form of errors; an empty text is an empty body.
    private static func reply(_ status: Reply.Status, _ text: String) -> Reply {
        if text.isEmpty { return Reply(status: status, headers: [:], body: .bytes([])) }
        return .json(.object(["error": .string(text)]), status: status)
    }
}

/// A request that is refused before the worker's volumes hear of it.
struct RefusedRequest: Error, CustomStringConvertible {
    let status: Reply.Status
    let description: String
    /// Whether clients expect this text and nothing else.
    var isWhole = false

    /// A request that can never be served.
    static func bad(_ text: String, isWhole: Bool = false) -> RefusedRequest {
        RefusedRequest(status: .badRequest, description: text, isWhole: isWhole)
    }

    /// A request whose parts do not go together.
    static func unprocessable(_ text: String, isWhole: Bool = false) -> RefusedRequest {
        RefusedRequest(status: .unprocessableContent, description: text, isWhole: isWhole)
    }
}
