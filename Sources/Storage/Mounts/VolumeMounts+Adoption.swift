public import Kernel
internal import Synchronization

extension VolumeMounts {
    /// What was found of a volume's overlay in a container.
    public enum Adoption: Sendable {
        /// The overlay is mounted in the namespace now.
        case mounted
        /// The container has nothing of it.
        case absent
        /// The container has a part of it, or may have it where it cannot be copied from.
        case outOfReach
    }

    /// Takes the volume's overlay back from a container that has it, for a start at which the namespace was lost but
    /// containers live on: the daemon was in a mount namespace of its own, or somebody unmounted the pin.
    ///
    /// To be called before ``open(_:_:rest:writable:unprivileged:)``, which would mount a second one. Only overlays that
    /// take changes are looked for: of others there may be any number.
    /// - Parameter process: process 1 of the container, as a number of this pid namespace
    public func adopt(_ handle: String, _ stack: LayerStack, process: Int32) throws(KernelError) -> Adoption {
        guard let wanted = MountedStack(stack), wanted.isWritable, stack.layers.count > 1 else { return .absent }
        if mounted.withLock({ $0[handle] == wanted }) { return .mounted }
        do throws(KernelError) {
            let table = try MountTable(pid: process)
            let found = table.entries.filter { mount in
                MountedStack(source: mount.source).map { $0.top == wanted.top && $0.isWritable } ?? false
            }
            if found.isEmpty { return try MountNamespace.isAlone(beneath: process) ? .absent : .outOfReach }
            let whole = found.filter { $0.root == "/" && $0.source == wanted.source }
            guard let copy = try VolumeMounts.copy(of: whole, process) else { return .outOfReach }
            try mount(copy, handle, stack, wanted)
            return .mounted
        } catch  where error.errno == .noEntry || error.errno == .noProcess {
            // The process has ended, and its mounts with it.
            return .absent
        }
    }

    /// A copy of the first of these mounts that can be had.
    private static func copy(
        of mounts: [MountTable.Entry], _ process: Int32
    ) throws(KernelError) -> SharedDescriptor? {
        if mounts.isEmpty { return nil }
        let container = try MountThread(entering: try MountNamespace.open(ofProcess: process))
        return try container.run { () throws(KernelError) in
            for mount in mounts {
                if let copy = SharedDescriptor.optional(try mount.clone()?.release()) { return copy }
            }
            return nil
        }
    }

    private func mount(
        _ copy: SharedDescriptor, _ handle: String, _ stack: LayerStack, _ wanted: MountedStack
    ) throws(KernelError) {
        try prepare(handle, stack)
        try thread.run { [self] () throws(KernelError) in
            let tree = MountTree(try copy.with { (copy) throws(KernelError) in try copy.duplicate() }, source: handle)
            // Whatever the container may do with it, the next user has restrictions of its own.
            try tree.setAttributes([], clear: [.readOnly, .noSuid, .noDev, .noExec])
            try unmount(handle)
            try tree.attach(at: try points.open(handle))
            mounted.withLock { $0[handle] = wanted }
        }
    }
}
