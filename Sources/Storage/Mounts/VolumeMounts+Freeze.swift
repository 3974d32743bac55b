public import Kernel
internal import Synchronization

extension VolumeMounts {
    /// What became of the mounts of a layer that shall take no more changes.
    public enum Seal: String, Sendable {
        /// There was none.
        case unused
        /// All are read-only.
        case frozen
        /// Something is open for writing, or there may be mounts that cannot be found; everything is as it was.
        case busy
    }

    /// Makes everything mounted of the stack's top layer read-only, for good, and unmounts the volume's overlay.
    ///
    /// Only what containers have is looked for: the caller must know that nothing else is in use, such as a copy that
    /// no container has attached yet.
    /// - Parameter processes: process 1 of each container that uses the volume, as numbers of this pid namespace
    public func freeze(_ handle: String, _ stack: LayerStack, processes: [Int32]) throws(KernelError) -> Seal {
        guard let top = stack.writable else { return .unused }
        if stack.layers.count > 1 { return try freezeOverlay(handle, top, processes) }
        if processes.isEmpty { return .unused }
        var freeze = MountFreeze(files(of: top))
        return try freeze.run(processes) == .frozen ? .frozen : .busy
    }
}

extension VolumeMounts {
    /// A layer's files as they show in mount tables: by the file system and the path in it.
    private func files(of layer: Layer) -> MountFreeze.Target {
        let top = base.root == "/" ? "" : base.root
        return .files(base.device, "\(top)/\(VolumeMounts.layersName)/\(layer.id)/files")
    }

    private func freezeOverlay(_ handle: String, _ top: Layer, _ processes: [Int32]) throws(KernelError) -> Seal {
        guard let present = mounted.withLock({ $0[handle] }), present.isWritable else {
            // None that this object knows of; one in a container would be left from a lost namespace.
            for pid in processes where try has(pid, top) { return .busy }
            return .unused
        }
        guard present.top == top.id else {
            let text = "\(handle): is mounted as \(present.source)"
            throw KernelError(call: "freeze", errno: .busy, subject: text)
        }
        let root = try points.open(handle)
        var freeze = MountFreeze(.superblock(try root.status().device))
        switch try freeze.run(processes) {
        case .frozen: break
        case .busy: return .busy
        case .unsure:
            // Wherever else it is mounted: certain, but the kernel writes out everything first.
            do throws(KernelError) {
                try root.withDescriptor { (descriptor) throws(KernelError) in
                    try FileSystemContext.makeReadOnly(descriptor, handle)
                }
            } catch  where error.errno == .busy { return .busy }
        }
        try close(handle)
        return .frozen
    }

    private func has(_ process: Int32, _ top: Layer) throws(KernelError) -> Bool {
        do throws(KernelError) {
            return try MountTable(pid: process).entries.contains { MountedStack(source: $0.source)?.top == top.id }
        } catch  where error.errno == .noEntry || error.errno == .noProcess { return false }
    }
}
