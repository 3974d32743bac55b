internal import Kernel
internal import Runtime
internal import Storage
internal import Telemetry

/// What the start-up found and did.
public struct RecoveryReport: Sendable, Hashable {
    /// Containers whose process 1 lives.
    public var adopted: [String] = []
    /// Containers whose process 1 is gone; they can be destroyed or started again by a run.
    public var lost: [String] = []
    /// Half-made or half-removed containers that were undone.
    public var undone: [String] = []
    /// What could not be done, one sentence each.
    public var failures: [String] = []
}

extension ContainerService {
    /// Brings the worker back to what is on disk and in the kernel; until it is done nobody may be served. Blocks.
    public func recover() throws -> RecoveryReport {
        try traced(.workerRecover) { span in
            var report = RecoveryReport()
            let directories = facilities.directories
            // Volumes first: what containers use of them must be there to be claimed.
            _ = try facilities.volumes?.recover()
            for handle in try directories.initial.entries() {
                note(&report, handle) { try undo(handle) }
                report.undone.append(handle)
            }
            let handles = try directories.live.entries().filter { !$0.hasPrefix(Directory.temporaryPrefix) }
            for handle in handles.sorted() {
                note(&report, handle) {
                    let container = try adopt(handle)
                    ContainerVolumes(facilities.volumes, of: handle)?
                        .adopt(container.definition.request, process: container.kernel?.process.pid)
                    if let context = container.definition.context { span.link(Link(context, type: "created_by")) }
                    registry.restore(container)
                    serve(container)
                }
            }
            for container in registry.live {
                if container.status.state == .active {
                    report.adopted.append(container.handle)
                } else {
                    report.lost.append(container.handle)
                }
            }
            report.failures += facilities.volumes?.store.lostMounts ?? []
            try removeStrays(keeping: Set(handles), &report)
            span.set {
                $0.set("apron.recover.adopted", Int64(report.adopted.count))
                $0.set("apron.recover.lost", Int64(report.lost.count))
                $0.set("apron.recover.undone", Int64(report.undone.count))
            }
            return report
        }
    }

    private func note(_ report: inout RecoveryReport, _ handle: String, _ body: () throws -> Void) {
        do { try body() } catch { report.failures.append("container \(handle): \(error)") }
    }

    /// Removes a container that was never published.
    private func undo(_ handle: String) throws {
        if let cgroup = try facilities.cgroups.open(handle: handle) {
            try cgroup.kill()
            try cgroup.remove()
        }
        try facilities.images.remove(handle)
        try facilities.directories.bury(handle, from: facilities.directories.initial)
    }

    // Cgroups of other handles are left alone: they belong to a worker or run with another work directory. None of ours
    // is without a directory in `init` or `live`, which is made before it and goes after it.
    private func removeStrays(keeping handles: Set<String>, _ report: inout RecoveryReport) throws {
        note(&report, "networks") { _ = try facilities.network?.recover(keeping: handles) }
        note(&report, "images") { try facilities.images.sweep(keeping: handles) }
    }

    /// Takes a published container over: its process 1 if it lives, its programs and what nobody has read of them.
    private func adopt(_ handle: String) throws -> Container {
        let files = try ContainerDirectory(opening: facilities.directories.live.open(handle))
        let definition = try files.definition()
        let processes = try files.allProcesses()
        let programs = ProgramTable()
        let status = ContainerStatus()
        let process = try definition.pid.flatMap { pid in
            try InitProcess.find(pid: pid, directory: files.directory, onExit: programs.ended, onEnd: {})
        }
        let cgroup = try facilities.cgroups.open(handle: handle, member: process?.pid)
        let kernel = process.map { ContainerKernel(process: $0, cgroup: cgroup, address: definition.address) }
        if kernel == nil {
            let oom = (cgroup?.oomKills() ?? 0) > 0
            status.set(
                .dead(oom ? "process 1 was killed for want of memory" : "process 1 ended while the worker was away"))
        }
        let container = Container(
            definition: definition, files: files, properties: try files.properties(), facilities: facilities,
            programs: programs, kernel: kernel, nextKey: (processes.last?.key ?? 0) + 1, status: status)
        let readoption = ProgramReadoption(container: container, kernel: kernel, exits: try files.exits())
        try readoption.run(processes)
        try kernel?.watch(with: facilities.pump)
        return container
    }
}
