internal import Kernel

/// Makes the mounts of a layer or of an overlay read-only in the mount namespaces of containers, or leaves them as they
/// were.
struct MountFreeze {
    /// What must not be written to any more.
    enum Target: Sendable {
        /// Everything on a file system.
        case superblock(DeviceNumber)
        /// What lies beneath a directory, named by its path in a file system.
        case files(DeviceNumber, String)
    }

    enum Outcome { case frozen, busy, unsure }

    private let target: Target
    private var changed: [(namespace: SharedDescriptor, mounts: [MountTable.Entry])] = []

    /// A container may mount while its table is read; one that goes on doing so is not frozen.
    private static let passesMax = 4

    init(_ target: Target) { self.target = target }

    /// Goes through the namespaces of these processes; unsure when there may be mounts that were not found. Unless all
    /// are frozen, all are as they were.
    mutating func run(_ processes: [Int32]) throws(KernelError) -> Outcome {
        for pid in processes {
            do throws(KernelError) {
                let outcome = try freeze(pid)
                if outcome == .frozen { continue }
                undo()
                return outcome
            } catch  where error.errno == .noEntry || error.errno == .noProcess {
                // The kernel ends all processes of a container before its process 1.
            } catch {
                undo()
                throw error
            }
        }
        return .frozen
    }

    /// Makes writable again what was.
    private mutating func undo() {
        for (namespace, mounts) in changed {
            try? MountFreeze.enter(namespace) { () throws(KernelError) in
                for mount in mounts { _ = try? mount.setAttributes([], clear: .readOnly) }
            }
        }
        changed = []
    }

    private mutating func freeze(_ pid: Int32) throws(KernelError) -> Outcome {
        // The daemon's own mounts are those at volumes' paths; the file systems beneath them are writable, of course.
        let isContainer = try MountNamespace(pid: pid) != MountNamespace(pid: CallingThread.process)
        let namespace = SharedDescriptor(try MountNamespace.open(ofProcess: pid))
        for _ in 0..<MountFreeze.passesMax {
            let mounts = try MountTable(pid: pid).entries
            if isContainer && mounts.contains(where: covers) { return .unsure }
            let found = mounts.filter(shows)
            // In use, but nowhere to be seen: not attached yet, or hidden.
            if found.isEmpty { return .unsure }
            let writable = found.filter(\.isWritable)
            if writable.isEmpty {
                // What is mounted in a namespace inside the container is not in this table.
                if !isContainer { return .frozen }
                return try MountNamespace.isAlone(beneath: pid) ? .frozen : .unsure
            }
            let outcome = try makeReadOnly(writable, namespace)
            if outcome != .frozen { return outcome }
        }
        return .unsure
    }

    private mutating func makeReadOnly(
        _ mounts: [MountTable.Entry], _ namespace: SharedDescriptor
    ) throws(KernelError) -> Outcome {
        let result = try MountFreeze.enter(namespace) { () throws(KernelError) in
            var done: [MountTable.Entry] = []
            var outcome = Outcome.frozen
            for mount in mounts {
                do throws(KernelError) {
                    if try mount.setAttributes(.readOnly) { done.append(mount) } else { outcome = .unsure }
                } catch { outcome = error.errno == .busy ? .busy : .unsure }
                if outcome != .frozen { break }
            }
            return (done, outcome)
        }
        changed.append((namespace, result.0))
        return result.1
    }

    /// Runs `body` in a mount namespace, on a thread that lives only for this.
    private static func enter<Value: Sendable>(
        _ namespace: SharedDescriptor, _ body: @escaping @Sendable () throws(KernelError) -> Value
    ) throws(KernelError) -> Value {
        let thread = try namespace.with { (namespace) throws(KernelError) in try MountThread(entering: namespace) }
        return try thread.run(body)
    }

    /// Whether what is mounted is (part of) what must not be written to.
    private func shows(_ mount: MountTable.Entry) -> Bool {
        switch target {
        case .superblock(let device): mount.device == device
        case .files(let device, let path):
            mount.device == device && (mount.root == path || mount.root.hasPrefix("\(path)/"))
        }
    }

    /// Whether it is more than that, such as the host's whole disk, which cannot be made read-only.
    private func covers(_ mount: MountTable.Entry) -> Bool {
        guard case .files(let device, let path) = target, mount.device == device, mount.isWritable else { return false }
        return mount.root == "/" || path.hasPrefix("\(mount.root)/")
    }
}
