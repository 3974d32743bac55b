internal import Kernel
internal import Synchronization

/// Overlays that were unmounted and end now, each when the kernel has written out what it has: that takes as long as
/// the disk needs, so a thread of its own waits for it.
final class ClosingMounts: Sendable {
    private struct State {
        /// The roots that are still open, each with the layer that the overlay wrote to.
        var waiting: [(layer: String, root: SharedDescriptor)] = []
        var current: String?
        var isRunning = false
    }

    private let state = Mutex(State())

    /// Takes over the last descriptor of an unmounted overlay, and closes it.
    func close(_ root: consuming SharedDescriptor, of layer: String) {
        let root = root
        let isNeeded = state.withLock { state in
            state.waiting.append((layer, root))
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if !isNeeded { return }
        do throws(KernelError) { try startThread(named: "apron-unmount") { [self] in closeAll() } } catch {
            // Without a thread the caller waits.
            closeAll()
        }
    }

    /// Returns when no overlay is closing that wrote to the layer.
    func wait(for layer: String) {
        while state.withLock({ state in state.current == layer || state.waiting.contains { $0.layer == layer } }) {
            CallingThread.pause(microseconds: 500)
        }
    }

    /// Returns when nothing is closing.
    func waitUntilEmpty() {
        while state.withLock({ $0.isRunning }) { CallingThread.pause(microseconds: 500) }
    }

    private func closeAll() {
        while closeNext() {}
    }

    private func closeNext() -> Bool {
        // Closed at the end of this function, hence not under the lock.
        let next = state.withLock { state -> SharedDescriptor? in
            state.current = nil
            if state.waiting.isEmpty {
                state.isRunning = false
                return nil
            }
            let (layer, root) = state.waiting.removeFirst()
            state.current = layer
            return root
        }
        return next != nil
    }
}
