internal import HTTPTypes
internal import Worker

/// Garden's errors: five keys, always all of them, and statuses that clients look at less than at the type.
enum ErrorTable {
    /// The type and the status of a kind of failure, in one place.
    private static func row(_ kind: WorkerError.Kind) -> (type: String, status: HTTPResponse.Status) {
        switch kind {
        case .containerNotFound: ("ContainerNotFoundError", .notFound)
        case .processNotFound: ("ProcessNotFoundError", .notFound)
        case .executableNotFound: ("ExecutableNotFoundError", .internalServerError)
        case .unavailable: ("ServiceUnavailableError", .internalServerError)
        case .tooLarge: ("", .contentTooLarge)
        case .handleInUse, .processInUse, .invalid, .beingDestroyed, .notImplemented, .failed:
            ("", .internalServerError)
        }
    }

    /// The reply that tells of an error.
    static func reply(to error: any Error) -> Reply {
        if error is CancellationError {
            return reply(to: WorkerError(.unavailable, "request cancelled: the worker is shutting down"))
        }
        guard let error = error as? WorkerError else {
            return reply(type: "", message: "\(error)", status: .internalServerError)
        }
        let row = row(error.kind)
        return reply(
            type: row.type, message: message(error),
            handle: error.kind == .containerNotFound ? error.handle ?? "" : "",
            processID: error.kind == .processNotFound ? error.processID ?? "" : "", status: row.status)
    }

    /// Clients match on these sentences.
    private static func message(_ error: WorkerError) -> String {
        switch error.kind {
        case .handleInUse: error.handle.map { "Handle '\($0)' already in use" } ?? error.message
        case .processInUse: error.processID.map { "process ID '\($0)' already in use" } ?? error.message
        default: error.message
        }
    }

    private static func reply(
        type: String, message: String, handle: String = "", processID: String = "", status: HTTPResponse.Status
    ) -> Reply {
        .json(
            .object([
                "Type": .string(type), "Message": .string(message), "Handle": .string(handle),
                "ProcessID": .string(processID), "Binary": .string(""),
            ]), status: status)
    }
}
