internal import Kernel
internal import Storage

/// `init`, `live` and `dead` below the work directory: the directory that a container's files lie in is its state.
final class StateDirectories: Sendable {
    /// Being made; swept at start.
    let initial: Directory
    /// Published.
    let live: Directory
    /// `dead`: what lies there is deleted in the background, also after a restart.
    private let graveyard: Graveyard

    init(below workDirectory: String) throws {
        let containers = try Directory(workDirectory).makeIfMissing("containers", mode: 0o700)
        initial = try containers.makeIfMissing("init", mode: 0o700)
        live = try containers.makeIfMissing("live", mode: 0o700)
        graveyard = try Graveyard(containers)
    }

    /// Moves a container's files out of sight, so that the handle can be used again at once, and has them deleted.
    func bury(_ handle: String, from state: Directory) throws { try graveyard.bury(handle, from: state) }

    /// Waits until everything buried so far is deleted; for tests.
    func waitUntilDeleted() { graveyard.waitUntilEmpty() }
}
