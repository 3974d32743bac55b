internal import Kernel
internal import Runtime

/// Turns a request into a program with everything resolved, as the compatibility mode has it.
struct ProgramResolution {
    /// What the container brings along.
    struct Surroundings {
        var environment: [String]
        var accounts: Accounts
        var capabilities: UInt64
        var filter: [UInt8]
        var ownsCgroupNamespace: Bool
    }

    let compatibility: Compatibility
    let surroundings: Surroundings

    /// Resolves user, environment, search path, directory and limits.
    func resolve(_ request: ProcessRequest) throws -> ProgramPlan {
        guard !request.path.isEmpty else { throw WorkerError(.invalid, "process path must not be empty") }
        for text in [request.path, request.directory] + request.arguments where text.utf8.contains(0) {
            throw WorkerError(.invalid, "process path, directory or argument contains a NUL byte")
        }
        let account = try surroundings.accounts.resolve(request.user)

        var plan = ProgramPlan()
        plan.arguments = [request.path] + request.arguments
        plan.uid = account.uid
        plan.gid = account.gid
        plan.groups = account.groups
        plan.environment = environment(for: request, account)
        plan.candidates = candidates(for: request.path, plan.environment)
        plan.directory = directory(for: request, account)
        plan.capabilities = surroundings.capabilities
        plan.filter = surroundings.filter
        plan.ownsCgroupNamespace = surroundings.ownsCgroupNamespace
        plan.noNewPrivileges = request.noNewPrivileges
        plan.limits = try request.rlimits.sorted { $0.key < $1.key }.map { try limit($0.key, $0.value) }
        plan.terminal = request.terminal.map { ($0.columns, $0.rows) }
        return plan
    }

    /// The container's variables, then the process's; the later of a name wins and the name appears once.
    private func environment(for request: ProcessRequest, _ account: Account) -> [String] {
        var environment = Environment()
        for variable in surroundings.environment + request.environment { environment.set(variable) }
        if compatibility.overridesUser, !request.user.isEmpty {
            environment.set("USER=\(account.name)")
        } else if environment["USER"] == nil, compatibility.alwaysSetsUser || !request.user.isEmpty {
            environment.set("USER=\(account.name)")
        }
        if environment["PATH"] == nil {
            environment.set(
                account.uid == 0
                    ? "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
                    : "PATH=/usr/local/bin:/usr/bin:/bin")
        }
        if environment["HOME"] == nil { environment.set("HOME=\(account.home)") }
        return environment.variables
    }

    private func candidates(for path: String, _ environment: [String]) -> [String] {
        if path.contains("/") { return [path] }
        let search = environment.first { $0.hasPrefix("PATH=") }?.dropFirst(5) ?? ""
        return search.split(separator: ":").filter { $0.hasPrefix("/") }.map { "\($0)/\(path)" }
    }

    private func directory(for request: ProcessRequest, _ account: Account) -> String {
        if request.directory.isEmpty { return compatibility.startsInHome ? account.home : "/" }
        return request.directory.hasPrefix("/") ? request.directory : "/\(request.directory)"
    }

    private func limit(_ name: String, _ value: UInt64) throws -> ProgramPlan.ResourceLimit {
        guard let resource = ProgramResolution.resources[name] else {
            throw WorkerError(.invalid, "unknown resource limit \(name)")
        }
        return ProgramPlan.ResourceLimit(resource: resource, value: value)
    }

    /// Garden's names and the numbers of getrlimit(2).
    private static let resources: [String: UInt32] = [
        "cpu": 0, "fsize": 1, "data": 2, "stack": 3, "core": 4, "rss": 5, "nproc": 6, "nofile": 7, "memlock": 8,
        "as": 9, "locks": 10, "sigpending": 11, "msgqueue": 12, "nice": 13, "rtprio": 14,
    ]
}

/// Variables in the order in which their names were first set.
private struct Environment {
    private(set) var variables: [String] = []
    private var positions: [Substring: Int] = [:]

    mutating func set(_ variable: String) {
        // An entry without a name or with a NUL cannot be passed on.
        guard let equals = variable.firstIndex(of: "="), equals != variable.startIndex, !variable.utf8.contains(0)
        else {
            return
        }
        let name = variable[..<equals]
        if let position = positions[name] {
            variables[position] = variable
        } else {
            positions[name] = variables.count
            variables.append(variable)
        }
    }

    subscript(name: String) -> String? { positions[name[...]].map { variables[$0] } }
}
