internal import Kernel
internal import Synchronization

/// An overlay that a container writes through and that cannot be mounted anywhere else.
struct LostOverlay: Hashable {
    /// The layer that it writes to.
    let layer: String
    /// Process 1 of the container.
    let process: Int32
}

extension VolumeStore {
    /// Notes a use that a former process of ours began.
    ///
    /// Should the mounts be lost that the former process had, the volume's overlay is taken back from the container.
    /// Where that is impossible, the volume cannot be mounted, except by the container itself, until that has ended: two
    /// overlays on one layer lose files.
    /// - Parameter process: process 1 of the container, nil when it has none
    public func adopt(_ handle: String, user: VolumeUser, writable: Bool, process: Int32? = nil) {
        table.withLock { if $0[live: handle] != nil { $0.use(handle, by: user, writable: writable) } }
        guard let process else { return }
        // Nothing to be done for a volume that does not exist.
        try? exclusively(handle) { record in
            guard let top = record.stack.writable, record.stack.layers.count > 1 else { return }
            let adoption = try? files.step("adopt mounts") {
                try mounts.adopt(handle, record.stack, process: process)
            }
            guard adoption == nil || adoption == .outOfReach else { return }
            table.withLock { $0.setLost(handle, by: user, LostOverlay(layer: top.id, process: process)) }
        }
    }

    /// Volumes that cannot be mounted for the present, one sentence each, in the order of their handles.
    public var lostMounts: [String] {
        list().compactMap { lostMount(of: $0.handle, $0.stack)?.message }
    }

    /// Refuses to mount a second overlay on a layer that a container writes to through another one.
    func refuseSecondOverlay(_ handle: String, _ stack: LayerStack) throws {
        if let refusal = lostMount(of: handle, stack) { throw refusal }
    }

    /// Why the stack must not be mounted, if so.
    func lostMount(of handle: String, _ stack: LayerStack) -> VolumeStoreError? {
        guard let top = stack.writable, stack.layers.count > 1, !mounts.isMounted(handle) else { return nil }
        let lost = table.withLock { $0.entries[handle]?.lost ?? [:] }
        let holder = lost.first { user, overlay in
            guard overlay.layer == top.id, case .container(let container) = user else { return false }
            return processOf(container) == overlay.process
        }
        guard let (user, _) = holder else { return nil }
        let cause = KernelError(call: "overlay", errno: .busy, subject: handle)
        return VolumeStoreError(
            .inUse,
            "volume \(handle): \(user) has a part of it mounted and the mount of the whole was lost; "
                + "it can be mounted again when \(user) is gone (\(cause.errno))",
            handle: handle, cause: cause)
    }
}
