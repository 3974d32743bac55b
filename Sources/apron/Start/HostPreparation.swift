internal import Kernel
internal import Logging
internal import Worker

/// What must be so on the host, and what is set for this process, before anything is mounted.
enum HostPreparation {
    /// Names under which process 1's program is installed beside this one.
    private static let initNames = ["ApronInit", "apron-init"]
    /// Likewise for the program that packs and unpacks archives.
    private static let archiveNames = ["ApronArchive", "apron-archive"]

    /// Refuses anybody but root: namespaces, mounts and networks of the host are changed.
    static func requireRoot() throws(WorkerError) {
        guard CurrentProcess.effectiveUser == 0 else {
            throw WorkerError(.unavailable, "must be run as root, not as user id \(CurrentProcess.effectiveUser)")
        }
    }

    /// Locks the work directory, which is made when it is missing.
    static func claim(_ path: String) throws(WorkerError) -> DirectoryClaim {
        do throws(KernelError) {
            return try DirectoryClaim(path)
        } catch  where error.errno == .tryAgain {
            throw WorkerError(.unavailable, "another apron uses the work directory \(path)", cause: error)
        } catch {
            throw WorkerError(.failed, "work directory: \(error)", cause: error)
        }
    }

    /// Locks a work directory for one run under `parent`.
    static func claimRun(under parent: String) throws(WorkerError) -> DirectoryClaim {
        do throws(KernelError) {
            return try RunDirectory.claim(under: parent)
        } catch {
            throw WorkerError(.failed, "work directory: \(error)", cause: error)
        }
    }

    /// Raises the limit of open files; a container takes about a dozen.
    static func raiseOpenFileLimit(_ logger: Logger) {
        do throws(KernelError) {
            let limit = try CurrentProcess.raiseOpenFileLimit()
            logger.debug("limit of open files", metadata: ["limit": .stringConvertible(limit)])
        } catch {
            logger.warning("limit of open files stays as it is", error: error)
        }
    }

    /// The absolute path of process 1's program: the one given, else the one installed beside this program.
    static func initProgram(given: String?) throws(WorkerError) -> String {
        try program("process 1 of containers", names: initNames, flag: "--init-bin", given: given)
    }

    /// The absolute path of the program that packs and unpacks archives, likewise.
    static func archiveProgram(given: String?) throws(WorkerError) -> String {
        try program("archives", names: archiveNames, flag: "--archive-bin", given: given)
    }

    private static func program(
        _ purpose: String, names: [String], flag: String, given: String?
    ) throws(WorkerError) -> String {
        if let given {
            guard CurrentProcess.isExecutableFile(given) else {
                throw WorkerError(.unavailable, "\(flag) \(given) is no executable file")
            }
            return given
        }
        let own: String
        do { own = try CurrentProcess.executablePath() } catch {
            throw WorkerError(.failed, "own program: \(error)", cause: error)
        }
        let directory = own.lastIndex(of: "/").map { own[...$0] } ?? "/"
        guard let found = names.map({ directory + $0 }).first(where: CurrentProcess.isExecutableFile) else {
            throw WorkerError(
                .unavailable,
                "no program for \(purpose): neither \(names.joined(separator: " nor ")) is in \(directory); "
                    + "\(flag) says where it is")
        }
        return found
    }
}
