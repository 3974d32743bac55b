internal import Storage

extension VolumeService {
    /// Ends all creations that are under way, without an outcome: the next worker begins them again.
    public func stop() async { await creations.stop() }

    /// Brings to the disk what was written to volumes, and lets all mounts go if nobody can need one: when there is no
    /// volume, or none is mounted at its path. For volumes alone; called last. Blocks.
    public func tearDown() throws {
        if store.list().isEmpty { try store.release() } else { try facilities.tearDown(isIdle: true) }
    }
}
