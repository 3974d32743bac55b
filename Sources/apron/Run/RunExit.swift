internal import Kernel
internal import Worker

/// Exit codes of `apron run` when it is not the program's own.
enum RunExit {
    /// Apron itself failed.
    static let failed: Int32 = 125
    /// The program is there but cannot be executed.
    static let notExecutable: Int32 = 126
    /// There is no such program.
    static let notFound: Int32 = 127

    /// The code that tells a caller what failed, as shells and other container tools have it.
    static func code(for error: any Error) -> Int32 {
        guard let error = error as? WorkerError, error.kind == .executableNotFound else { return failed }
        switch error.cause?.errno {
        case .access, .permission, .isDirectory, .executableFormat, .textBusy: return notExecutable
        default: return notFound
        }
    }
}
