internal import Synchronization

/// Whether a container works, and what happened to it.
final class ContainerStatus: Sendable {
    enum State: Sendable, Hashable {
        case active
        case stopped
        /// Process 1 is gone, for this reason; destroy works, and the next run starts it again.
        case dead(String)
    }

    private struct Record {
        var state = State.active
        var events: [String] = []
    }

    /// A container that runs out of memory again and again must not fill ours.
    private static let eventsMax = 64

    private let record = Mutex(Record())

    func set(_ state: State) {
        record.withLock { record in
            record.state = state
            if case .dead(let reason) = state { ContainerStatus.append(reason, to: &record) }
        }
    }

    func note(_ event: String) { record.withLock { ContainerStatus.append(event, to: &$0) } }

    var state: State { record.withLock { $0.state } }

    /// As the info route says it.
    var described: (state: String, events: [String]) {
        record.withLock { ($0.state == .active ? "active" : "stopped", $0.events) }
    }

    private static func append(_ event: String, to record: inout Record) {
        guard !record.events.contains(event), record.events.count < eventsMax else { return }
        record.events.append(event)
    }
}
