internal import Kernel
internal import Runtime
internal import Storage
internal import Telemetry

/// Looks at the containers and volumes of a worker, from outside: no container waits for it, and it waits for none.
public final class WorkerObservation: Sendable {
    private let service: ContainerService
    private let sampler = UseSampler()

    /// Bytes of a command that are shown; the rest is in its trace.
    private static let commandBytes = 160
    /// Ended programs that are shown of one container, the latest.
    private static let endedMax = 8

    /// Looks at these containers and the volumes that they use.
    public init(of service: ContainerService) { self.service = service }

    /// What there is now. Blocks for as long as some files of the kernel take.
    public func look() async -> WorkerOverview {
        await withTaskExecutorPreference(BlockingExecutor.shared) {
            let live = service.registry.live
            let uses = await sampler.sample(live.map(\.handle)) { [cgroups = service.facilities.cgroups] handle in
                // One that just went has no figures.
                try? cgroups.open(handle: handle)?.usage()
            }
            return WorkerOverview(
                containers: live.map { summary($0, uses[$0.handle]) }, volumes: volumes(usedBy: live))
        }
    }

    private func summary(_ container: Container, _ use: ContainerUse?) -> ContainerSummary {
        let definition = container.definition
        var summary = ContainerSummary(handle: container.handle, created: definition.created)
        (summary.state, summary.events) = container.status.described
        if case .dead = container.status.state { summary.state = "dead" }
        summary.address = definition.address
        summary.isPrivileged = definition.request.privileged
        summary.memoryLimit = definition.request.limits.memoryBytes
        summary.traceID = definition.context?.traceID
        summary.use = use
        let programs = container.programs.all
        let ended = Set(programs.filter { !$0.isRunning }.suffix(Self.endedMax).map(\.definition.key))
        summary.processes = programs.filter { $0.isRunning || ended.contains($0.definition.key) }.map(process)
        return summary
    }

    private func process(_ program: Program) -> ProcessSummary {
        let request = program.definition.request
        var command = request.path
        for argument in request.arguments where command.utf8.count < Self.commandBytes { command += " " + argument }
        let span = program.span
        var summary = ProcessSummary(
            id: program.id, command: String(command.prefix(Self.commandBytes)),
            started: ClockAnchor.current.unixTime(span.start), isRunning: program.isRunning)
        summary.exitCode = program.end.result.flatMap { try? $0.get() }
        summary.traceID = span.context.traceID
        return summary
    }

    private func volumes(usedBy containers: [Container]) -> [VolumeSummary] {
        guard let store = service.facilities.volumes?.store else { return [] }
        var users: [String: [String]] = [:]
        for container in containers {
            let request = container.definition.request
            var paths = request.bindMounts.map(\.source)
            if case .raw(let root) = try? RootSource(request.rootfs, default: nil) { paths.append(root) }
            for handle in Set(paths.compactMap { store.resolve(path: $0)?.handle }) {
                users[handle, default: []].append(container.handle)
            }
        }
        let records = store.list()
        let children = Dictionary(records.compactMap(\.parent).map { ($0, 1) }, uniquingKeysWith: +)
        return records.sorted { $0.handle < $1.handle }.map { record in
            var summary = VolumeSummary(
                handle: record.handle, strategy: record.strategy, created: record.created)
            summary.parent = record.parent
            summary.isPrivileged = record.isPrivileged
            summary.layers = record.stack.layers.count
            summary.children = children[record.handle] ?? 0
            summary.containers = users[record.handle] ?? []
            summary.traceID = record.context?.traceID
            return summary
        }
    }
}
