internal import Kernel

/// Volumes at their paths, for servers of containers that know nothing but paths. All of it with the gate held.
extension VolumeStore {
    // Two are never attached on purpose; a former process may have died between two.
    private static let attachedMax = 16

    private func mountPoint(_ handle: String) -> MountPoint {
        MountPoint("\(files.live.procPath)/\(handle)/volume")
    }

    func isAttached(_ handle: String) throws -> Bool {
        try files.live.open("\(handle)/volume").status().isMountRoot
    }

    /// Mounts a volume at its path as it is now, with a layer for changes; nothing to do when it is mounted so already.
    func attach(_ record: VolumeRecord) throws {
        let handle = record.handle
        let writable = try makeWritable(record)
        if try isAttached(handle) {
            // Should the namespace be lost, this is where the overlay still is.
            _ = try files.step("adopt mounts") {
                try mounts.adopt(handle, writable.stack, process: CallingThread.process)
            }
        }
        let tree = try openMounts(
            handle, writable.stack, writable: true, unprivileged: !writable.isPrivileged)
        if try isAttached(handle) {
            let (present, wanted) = (try files.live.open("\(handle)/volume").status(), try tree.root().status())
            if present.inode == wanted.inode, present.device == wanted.device, present.uid == wanted.uid,
                present.gid == wanted.gid
            {
                return
            }
            try detach(handle)
        }
        let place = try files.live.open("\(handle)/volume")
        try files.checkpoint("attach")
        try tree.attach(at: place)
    }

    /// Brings everything to the disk and takes all mounts away, the pinned namespace included; for an orderly end of a
    /// host on which nobody uses a volume. A store is of no use afterwards.
    public func release() throws {
        for record in list() where settings.attachesAtPath { try detach(record.handle) }
        try synchronize(isFinal: true)
        try files.step("release mounts") { try mounts.release() }
    }

    /// Takes a volume from its path; whoever has files open there keeps them.
    func detach(_ handle: String) throws {
        var count = 0
        while try isAttached(handle), count < VolumeStore.attachedMax {
            count += 1
            try files.step("detach") { try mountPoint(handle).unmount(detach: true) }
        }
    }
}
