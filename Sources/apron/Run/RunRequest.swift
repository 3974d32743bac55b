internal import Worker

/// What `apron run` was asked for, checked, before it becomes requests to the worker.
struct RunRequest: Sendable {
    /// A bind mount as `SRC:DST` or `SRC:DST:ro`.
    struct Mount: Sendable, Hashable {
        /// As given: absolute, or relative to the working directory.
        let source: String
        /// Absolute path in the container.
        let destination: String
        let writable: Bool

        /// Reads a mount; nil unless it has a source, an absolute destination, and `ro`, `rw` or nothing behind it.
        init?(_ text: String) {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard 2...3 ~= parts.count, !parts[0].isEmpty, parts[1].hasPrefix("/") else { return nil }
            guard parts.count == 2 || ["ro", "rw"].contains(parts[2]) else { return nil }
            source = parts[0]
            destination = parts[1]
            writable = parts.count == 2 || parts[2] == "rw"
        }
    }

    /// The image's directory, as given.
    var image: String
    /// Program and arguments; not empty.
    var command: [String]
    var name: String?
    var privileged = false
    var memory: ByteSize?
    var cpu: Double?
    var pids: UInt64?
    var network = true
    /// `K=V`, or `K` for the caller's own value.
    var environment: [String] = []
    var mounts: [Mount] = []
    var user = ""
    var directory = ""
    /// Present: on a terminal of this size.
    var terminal: WindowSize?
}

extension RunRequest {
    /// The container to make. Relative paths of the host are taken from `workingDirectory`.
    func container(workingDirectory: String) -> ContainerRequest {
        func absolute(_ path: String) -> String {
            if path.hasPrefix("/") { return path }
            let base = workingDirectory == "/" ? "" : workingDirectory
            return path == "." ? workingDirectory : base + "/" + path
        }
        var request = ContainerRequest()
        request.handle = name
        // Not raw: the run gets a layer of its own, and the image stays as it is.
        request.rootfs = absolute(image)
        request.bindMounts = mounts.map {
            .init(source: absolute($0.source), destination: $0.destination, writable: $0.writable)
        }
        request.privileged = privileged
        request.limits.memoryBytes = memory?.bytes
        request.limits.cpuQuota = cpu
        request.limits.pids = pids
        request.network = network
        return request
    }

    /// The program to run in it. Variables without a value get the caller's, or are left out.
    func process(callersEnvironment: [String: String]) -> ProcessRequest {
        var request = ProcessRequest()
        request.path = command[0]
        request.arguments = Array(command.dropFirst())
        request.environment = environment.compactMap { entry in
            if entry.contains("=") { return entry }
            return callersEnvironment[entry].map { "\(entry)=\($0)" }
        }
        if terminal != nil, !request.environment.contains(where: { $0.hasPrefix("TERM=") }) {
            request.environment.append("TERM=" + (callersEnvironment["TERM"] ?? "xterm"))
        }
        request.user = user
        request.directory = directory
        request.terminal = terminal
        return request
    }
}
