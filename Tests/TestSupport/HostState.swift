internal import Kernel
public import Testing

/// What a test may leave behind on the host, at one moment.
public struct HostState: Sendable {
    /// What is compared, each as a sorted list of readable lines.
    enum Part: String, CaseIterable {
        case mounts, cgroups, links
        case firewallTables = "nftables tables"
        case children = "child processes"
        case descriptors = "open descriptors"

        /// Whether other tests of the process have such things of their own that may end meanwhile.
        var isShared: Bool { self == .children || self == .descriptors }
    }

    private let lines: [Part: [String]]

    /// Looks at everything.
    public static func now() throws -> HostState {
        HostState(lines: [
            .mounts: try mounts(), .cgroups: try cgroups(), .links: try entries("/sys/class/net"),
            .firewallTables: try runProgram("nft", "list", "tables").split(separator: "\n").map(String.init).sorted(),
            .children: try children(), .descriptors: try descriptors(),
        ])
    }

    /// What differs, one line each; empty when nothing does.
    ///
    /// Descriptors and children count only when there are more than before: other tests may run at the same time.
    public func differences(from before: HostState) -> [String] {
        Part.allCases.flatMap { part in
            let (old, new) = (before.lines[part] ?? [], lines[part] ?? [])
            let added = HostState.subtract(old, from: new).map { "left over in \(part.rawValue): \($0)" }
            let gone = HostState.subtract(new, from: old).map { "gone from \(part.rawValue): \($0)" }
            return part.isShared ? added : added + gone
        }
    }

    /// Runs `body` and records an issue when the host is not as it was before; waits a while for what the kernel and
    /// background threads clean up late.
    public static func expectUnchanged<Result>(
        sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Result
    ) async throws -> Result {
        let before = try HostState.now()
        let outcome: Swift.Result<Result, any Error>
        do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
        var differences: [String] = []
        let deadline = bootTime() + 60_000_000_000
        repeat {
            differences = try HostState.now().differences(from: before)
            if differences.isEmpty { return try outcome.get() }
            try await Task.sleep(for: .milliseconds(20))
        } while bootTime() < deadline
        Issue.record("\(differences.joined(separator: "\n"))", sourceLocation: sourceLocation)
        return try outcome.get()
    }

    private static func mounts() throws -> [String] {
        try MountTable().entries.map { "\($0.point) \($0.type) \($0.source) \($0.root) \($0.options)" }.sorted()
    }

    /// Groups named as the worker names its parents, in every hierarchy.
    private static func cgroups() throws -> [String] {
        let types: Set = ["cgroup", "cgroup2"]
        var found: [String] = []
        for mount in try MountTable().entries where types.contains(mount.type) {
            var pending = ["apron", "garden"].map { "\(mount.point)/\($0)" }
            while let path = pending.popLast() {
                guard let directory = try? Directory(path) else { continue }
                found.append(path)
                for name in (try? directory.entries()) ?? []
                where (try? directory.status(name).kind) == .directory { pending.append("\(path)/\(name)") }
            }
        }
        return found.sorted()
    }

    private static func children() throws -> [String] {
        try entries("/proc/self/task").flatMap { thread -> [String] in
            // Threads end at any time.
            guard let list = try? KernelFile.read("/proc/self/task/\(thread)/children") else { return [] }
            return list.split(separator: " ").map { pid in
                let name = (try? KernelFile.read("/proc/\(pid)/comm")) ?? ""
                return "\(pid) \(name.filter { !$0.isNewline })"
            }
        }.sorted()
    }

    /// Without timers: the runtime makes one for the first sleeping task and keeps it.
    private static func descriptors() throws -> [String] {
        let directory = try Directory("/proc/self/fd")
        return try directory.entries().compactMap { try? directory.readLink($0) }
            .filter { $0 != "anon_inode:[timerfd]" }.sorted()
    }

    private static func entries(_ path: String) throws -> [String] { try Directory(path).entries().sorted() }

    /// The lines of `all` that are left when each of `some` takes one away.
    private static func subtract(_ some: [String], from all: [String]) -> [String] {
        var counts = Dictionary(some.map { ($0, 1) }, uniquingKeysWith: +)
        return all.filter { line in
            guard let count = counts[line], count > 0 else { return true }
            counts[line] = count - 1
            return false
        }
    }
}
