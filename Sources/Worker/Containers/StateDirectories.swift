internal import Kernel

/// `init`, `live` and `dead` below the work directory: the directory that a container's files lie in is its state.
final class StateDirectories: Sendable {
    /// Being made; swept at start.
    let initial: Directory
    /// Published.
    let live: Directory
    /// Being deleted; emptied in the background, also after a restart.
    let dead: Directory

    init(below workDirectory: String) throws {
        let containers = try Directory(workDirectory).makeIfMissing("containers", mode: 0o700)
        initial = try containers.makeIfMissing("init", mode: 0o700)
        live = try containers.makeIfMissing("live", mode: 0o700)
        dead = try containers.makeIfMissing("dead", mode: 0o700)
    }

    /// Moves a container's files out of sight and deletes them. A name in `dead` is unique, so that a handle can be
    /// used again at once.
    func bury(_ handle: String, from state: Directory) throws {
        let name = "\(bootTime())-\(UInt32.random(in: 0...UInt32.max))"
        try state.rename(handle, to: dead, name)
        try dead.removeTree(name)
    }

    /// Deletes what an earlier worker did not come to delete.
    func emptyDead() throws {
        for name in try dead.entries() { try dead.removeTree(name) }
    }
}
