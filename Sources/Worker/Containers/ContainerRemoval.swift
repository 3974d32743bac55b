internal import Kernel
internal import Runtime
internal import Storage
internal import Telemetry

extension Container {
    /// Kills what runs before the container's turn comes: what it does at the moment may wait for one of its own
    /// programs, such as one that serves a file system. Does not block.
    nonisolated func killAhead() {
        graceTime.stop()
        guard let kernel else { return }
        kernel.noteDestruction()
        // The removal kills again, and tells what was in the way.
        try? kernel.process.kill()
    }

    /// A removal has failed: what is left can be used again, and is no longer forgotten about.
    func remain() {
        if let kernel {
            // Killed it was; the next program finds either a living process 1 or none.
            try? kernel.waitUntilGone()
            kernel.noteSurvival()
            // It can fail only while the worker ends.
            try? kernel.watch(with: facilities.pump)
            watchForDeath(kernel)
        }
        isBeingRemoved = false
        graceTime.resume()
    }

    /// Removes everything; can be repeated when a part failed.
    func remove() throws {
        graceTime.stop()
        isBeingRemoved = true
        kernel?.noteDestruction()
        try traced(.containerDestroy) { span in
            span.setHandle(handle)
            span.set("container.id", handle)
            if let context = definition.context { span.link(Link(context, type: "created_by")) }
            let usage = kernel?.recentUsage()
            UsageAttributes.set(usage, on: span)
            var phases = span.phases()
            try phases.run(.kill) { _ in try kernel?.kill() }
            try phases.run(.wait) { _ in try kernel?.waitUntilGone() }
            endPrograms()
            try phases.run(.unmount) { _ in
                try facilities.images.remove(handle)
                facilities.volumes?.release(container: handle)
            }
            try phases.run(.networkDelete) { _ in
                try facilities.releaseAddress(kernel?.address ?? definition.address, of: handle)
            }
            try phases.run(.cgroupRemove) { _ in
                if let cgroup = kernel?.cgroup { return try cgroup.remove() }
                // Without a kernel object its group may still be there from an earlier worker.
                let cgroup = try facilities.cgroups.open(handle: handle)
                try cgroup?.kill()
                try cgroup?.remove()
            }
            for program in programs.all { program.close(removing: true) }
            try phases.run(.stateRemove) { _ in
                do {
                    try facilities.directories.bury(handle, from: facilities.directories.live)
                } catch let error as KernelError where error.errno == .noEntry {
                    // An earlier attempt came this far.
                }
            }
        }
        kernel = nil
    }

    private func endPrograms() {
        let running = programs.all.filter(\.isRunning)
        if running.isEmpty { return }
        let exits = (try? files.exits()) ?? [:]
        for program in running {
            if let exit = exits[program.definition.key] {
                programs.ended(exit)
            } else {
                program.span.set("apron.exit.reason", "stopped")
                program.span.end()
                // Died with process 1, by its SIGKILL.
                program.finish(.success(128 + 9))
            }
        }
    }
}

extension Facilities {
    /// Gives a container's address back.
    func releaseAddress(_ address: String?, of handle: String) throws {
        guard let network, let text = address, let address = IPv4Address(text) else { return }
        try network.detach(NetworkLease(handle: handle, address: address))
    }
}
