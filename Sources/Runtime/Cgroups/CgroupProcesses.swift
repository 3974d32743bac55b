public import Kernel

/// Which processes of a container.
public enum CgroupPart: Sendable {
    /// All, process 1 included.
    case everything
    /// The programs. Only v2 keeps process 1 apart; name it to be spared for the sake of v1.
    case payload
}

extension ContainerCgroup {
    /// The ids of the processes, in no order, as seen from the daemon's pid namespace.
    ///
    /// The daemon itself, of which a thread may be here for an instant, is never among them.
    public func processes(_ part: CgroupPart = .everything) throws(KernelError) -> [Int32] {
        var found: Set<Int32> = []
        if let unified {
            try collect(unified.groups, part == .everything ? name : payload, into: &found)
        }
        // One hierarchy is enough: a process is moved in all of them together.
        if unified == nil, let tree = trees.first { try collect(tree.groups, name, into: &found) }
        found.remove(CallingThread.process)
        return Array(found)
    }

    /// The ids of the processes in any of the hierarchies: those of remains need not agree.
    func processesAnywhere() throws(KernelError) -> Set<Int32> {
        var found: Set<Int32> = []
        for directory in trees.map(\.groups) { try collect(directory, name, into: &found) }
        if let unified { try collect(unified.groups, name, into: &found) }
        return found
    }

    /// Whether processes are in the group of v2, those outside the daemon's pid namespace included; false on v1.
    func isPopulated() throws(KernelError) -> Bool {
        guard let unified else { return false }
        do {
            return try unified.groups.read("\(name)/cgroup.events").split(separator: "\n").contains("populated 1")
        } catch {
            if error.errno == .noEntry || error.errno == .noDevice { return false }
            throw error
        }
    }

    /// Sends a signal to each process that is there now, a spared one excepted.
    public func signalAll(_ signal: Int32, _ part: CgroupPart = .everything, sparing: Int32? = nil) throws(KernelError)
    {
        for process in try processes(part) where process != sparing {
            do {
                guard let member = try openProcess(process) else { continue }
                // The pid may have been reused between the list and the descriptor.
                let places = try CgroupMembership.of(process)
                let isOurs = places.contains { $0.group.split(separator: "/").contains(name[...]) }
                if isOurs { _ = try sendSignal(signal, to: member) }
            } catch {
                if error.errno != .noProcess && error.errno != .noEntry { throw error }
            }
        }
    }

    /// Kills the processes, however fast they fork (`cgroup.kill`, else SIGKILL until none is left).
    ///
    /// Returns when the signals are sent, or on v1 when the groups are empty; EBUSY when that takes too long.
    public func kill(_ part: CgroupPart = .everything, sparing: Int32? = nil) throws(KernelError) {
        if let unified, unified.canKill {
            let group = part == .everything ? name : payload
            do { return try unified.groups.write("1", to: "\(group)/cgroup.kill") } catch {
                // Removed already.
                if error.errno == .noEntry || error.errno == .noDevice { return }
                throw error
            }
        }
        try whileForkless { () throws(KernelError) in
            for round in 0..<Self.killRoundsMax {
                let left = try processes(part).filter { $0 != sparing }
                if left.isEmpty { return }
                try signalAll(Self.killSignal, part, sparing: sparing)
                CallingThread.pause(microseconds: min(200 << UInt32(min(round, 8)), Self.killPauseMax))
            }
            throw KernelError(call: "kill", errno: .busy, subject: "\(handle): processes do not end")
        }
    }

    /// With the longest pause some ten seconds, after which a process hangs in the kernel and more signals are no use.
    private static let killRoundsMax = 220
    private static let killPauseMax: UInt32 = 50_000
    /// SIGKILL on every architecture (signal(7)).
    static let killSignal: Int32 = 9
    /// Programs may make sub-groups in theirs; deeper than this no sensible one goes.
    static let depthMax = 64

    /// A fork bomb is faster than a loop of signals, so no new process may be made while that loop runs (v1).
    private func whileForkless(_ body: () throws(KernelError) -> Void) throws(KernelError) {
        guard let (directory, isUnified) = place(of: .pids) else { return try body() }
        let file = "\(name)/pids.max"
        let before: String
        do {
            before = try directory.read(file)
            try directory.write("0", to: file)
        } catch {
            // On v2 without `cgroup.kill` the payload's own file may be missing; removed groups have none either.
            if error.errno == .noEntry || error.errno == .noDevice { return isUnified ? try body() : () }
            throw error
        }
        defer {
            // The group may have been removed meanwhile, and a limit of 0 stops nothing but forks.
            do { try directory.write(String(before.prefix { $0 != "\n" }), to: file) } catch {}
        }
        try body()
    }

    private func collect(
        _ directory: CgroupDirectory,
        _ group: String,
        into found: inout Set<Int32>,
        depth: Int = 0
    ) throws(KernelError) {
        do {
            for line in try directory.read("\(group)/cgroup.procs").split(separator: "\n") {
                // 0 stands for a process outside the reader's pid namespace.
                if let process = Int32(line), process > 0 { found.insert(process) }
            }
            guard depth < Self.depthMax else { return }
            for child in try directory.groups(in: group) {
                try collect(directory, "\(group)/\(child)", into: &found, depth: depth + 1)
            }
        } catch {
            switch error.errno {
            // Removed meanwhile; or a threaded group, whose processes its domain above lists.
            case .noEntry, .noDevice, .notSupported: return
            default: throw error
            }
        }
    }
}
