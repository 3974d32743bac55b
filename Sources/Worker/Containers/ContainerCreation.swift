internal import Kernel
internal import Runtime
internal import Telemetry

/// Makes one container, from the decoded request to its publication; undoes everything when a phase fails.
struct ContainerCreation {
    let facilities: Facilities
    let handle: String
    let request: ContainerRequest

    /// Runs all phases. The admission was waited for in `admitted` nanoseconds of CLOCK_BOOTTIME.
    func run(_ create: PhaseSpan) throws -> Container {
        create.set("apron.container.privileged", request.privileged)
        create.set("apron.mount.count", Int64(request.bindMounts.count))
        create.setHandle(handle)
        create.set("container.id", handle)
        var phases = create.phases()
        var undo = UndoStack()
        do {
            return try run(create, &phases, &undo)
        } catch {
            for failure in undo.run() { create.event("undo_failed", [Attribute("error", .string(failure))]) }
            throw error
        }
    }

    private func run(
        _ create: PhaseSpan, _ phases: inout PhaseSequence, _ undo: inout UndoStack
    ) throws -> Container {
        let directories = facilities.directories
        let files = try phases.run(.admission) { _ in
            try check()
            let files = try ContainerDirectory(making: directories.initial.make(handle, mode: 0o700))
            let handle = handle
            undo.push("remove state") { try directories.bury(handle, from: directories.initial) }
            if let volumes = facilities.volumes {
                undo.push("release volumes") { volumes.release(container: handle) }
            }
            return files
        }
        let programs = ProgramTable()
        var launch = ContainerLaunch(
            facilities: facilities, handle: handle, request: request, files: files, onExit: programs.ended, onEnd: {})
        let kernel = ContainerKernel(try launch.run(&phases, undo: &undo))
        var definition = ContainerDefinition(
            handle: handle, request: request, created: realTime(), context: create.context)
        definition.pid = kernel.process.pid
        definition.address = kernel.address
        return try phases.run(.stateCommit) { _ in
            try files.write(definition)
            if !request.properties.isEmpty { try files.write(properties: request.properties) }
            try directories.initial.rename(handle, to: directories.live, handle, noReplace: true)
            return Container(
                definition: definition, files: files, properties: request.properties, facilities: facilities,
                programs: programs, kernel: kernel)
        }
    }

    /// Refuses what can never work before anything is made.
    private func check() throws {
        _ = try RootSource(request.rootfs, default: facilities.settings.defaultRootfs)
        for mount in request.bindMounts {
            guard mount.source.hasPrefix("/"), mount.destination.hasPrefix("/") else {
                throw WorkerError(
                    .invalid, "bind mount \(mount.source) on \(mount.destination): both paths must be absolute",
                    handle: handle)
            }
            guard !mount.source.utf8.contains(0), !mount.destination.utf8.contains(0) else {
                throw WorkerError(.invalid, "bind mount path contains a NUL byte", handle: handle)
            }
        }
    }
}
