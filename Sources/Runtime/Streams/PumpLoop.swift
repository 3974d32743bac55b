internal import Kernel
internal import Synchronization

/// What the pump's thread runs, and what other threads hand to it.
final class PumpLoop: Sendable {
    typealias Work = @Sendable () -> Void
    typealias Handler = @Sendable (PollEvents) -> Void

    /// The token of the loop's own wake-up descriptor.
    static let wakeToken: UInt64 = 0

    private struct Inbox {
        var work: [Work] = []
        var deadlines = Deadlines()
        var stopHandlers: [Work] = []
        /// No more work is accepted.
        var stopped = false
    }

    private struct Registry {
        var handlers: [UInt64: Handler] = [:]
        var stopped = false
    }

    private let epoll: Epoll
    private let wake: EventCounter
    private let inbox = Mutex(Inbox())
    /// The thread is about to wait or waits; otherwise it looks into the inbox anyway before it does.
    private let mayWait = Atomic<Bool>(false)
    private let registry = Mutex(Registry())

    init() throws(KernelError) {
        epoll = try Epoll()
        wake = try EventCounter()
        try epoll.add(wake.descriptor, .readable, token: Self.wakeToken)
    }

    // MARK: For every thread

    /// Adds a descriptor; returns the one that is watched, a duplicate when the number is in the set already.
    func add(
        _ token: UInt64, _ descriptor: SharedDescriptor, _ events: PollEvents, _ handler: @escaping Handler
    ) throws(KernelError) -> SharedDescriptor {
        // Before the kernel knows it, since its first event may come at once.
        let stopped = registry.withLock { registry in
            if !registry.stopped { registry.handlers[token] = handler }
            return registry.stopped
        }
        if stopped { throw KernelError(call: "epoll_ctl", errno: .shutDown, subject: "the pump has stopped") }
        do {
            return try addToEpoll(descriptor, events, token)
        } catch {
            _ = registry.withLock { $0.handlers.removeValue(forKey: token) }
            throw error
        }
    }

    func remove(_ token: UInt64, _ watched: SharedDescriptor) {
        let handler = registry.withLock { $0.handlers.removeValue(forKey: token) }
        // Removed before: by an earlier cancel, or because the pump stopped.
        if handler != nil { try? epoll.remove(watched) }
    }

    func perform(_ work: @escaping Work) -> Bool {
        let (accepted, first) = inbox.withLock { inbox in
            if inbox.stopped { return (false, false) }
            inbox.work.append(work)
            return (true, inbox.work.count == 1)
        }
        if first { wakeUp() }
        return accepted
    }

    func schedule(at deadline: UInt64, _ work: @escaping Work) {
        let earliest = inbox.withLock { inbox in
            inbox.deadlines.insert(deadline, work)
            return inbox.deadlines.next == deadline
        }
        if earliest { wakeUp() }
    }

    /// Stops the thread and calls `done` at its end, or at once when it has ended.
    func stop(_ done: @escaping Work) {
        let ended = inbox.withLock { inbox in
            if inbox.stopped { return true }
            inbox.stopHandlers.append(done)
            return false
        }
        if ended { done() } else { wakeUp() }
    }

    /// Whoever has changed the inbox looks here afterwards; the thread looks into the inbox after it has said here that
    /// it may wait: one of the two sees the other.
    private func wakeUp() {
        if mayWait.load(ordering: .sequentiallyConsistent) { wake.signal() }
    }

    private func addToEpoll(
        _ descriptor: SharedDescriptor, _ events: PollEvents, _ token: UInt64
    ) throws(KernelError) -> SharedDescriptor {
        do {
            try epoll.add(descriptor, events, token: token)
            return descriptor
        } catch {
            guard error.errno == .exists else { throw error }
        }
        // epoll knows a number once; a second watcher of the same descriptor gets a number of its own.
        let duplicate = SharedDescriptor(
            try descriptor.with { descriptor throws(KernelError) in
                try descriptor.duplicate()
            })
        try epoll.add(duplicate, events, token: token)
        return duplicate
    }

    // MARK: On the thread

    func run() {
        var stopping = false
        while !stopping {
            waitForEvents()
            let (work, due) = takeWork(now: bootTime())
            for item in work { item() }
            for item in due { item() }
            stopping = inbox.withLock { !$0.stopHandlers.isEmpty }
        }
        finish()
    }

    private func waitForEvents() {
        var ready: [(UInt64, PollEvents)] = []
        mayWait.store(true, ordering: .sequentiallyConsistent)
        do {
            try epoll.wait(milliseconds: waitMilliseconds()) { token, events in ready.append((token, events)) }
        } catch {
            // Only EBADF, EFAULT and EINVAL are possible: mistakes of this file.
            preconditionFailure("\(error)")
        }
        mayWait.store(false, ordering: .sequentiallyConsistent)
        for (token, events) in ready {
            if token == Self.wakeToken {
                wake.drain()
            } else {
                // An event may be left over from a registration that another handler has just cancelled.
                registry.withLock { $0.handlers[token] }?(events)
            }
        }
    }

    private func waitMilliseconds() -> Int32 {
        let next = inbox.withLock { inbox -> UInt64? in
            if !inbox.work.isEmpty || !inbox.stopHandlers.isEmpty { return 0 }
            return inbox.deadlines.next
        }
        guard let next else { return -1 }
        let now = bootTime()
        if next <= now { return 0 }
        // Rounded up, or the loop would spin through the last fraction.
        return Int32(clamping: (next - now) / 1_000_000 + 1)
    }

    private func takeWork(now: UInt64) -> (work: [Work], due: [Work]) {
        inbox.withLock { inbox in
            let work = inbox.work
            inbox.work = []
            return (work, inbox.deadlines.take(until: now))
        }
    }

    private func finish() {
        // First no more work is accepted, then what was accepted runs, then the registered are told: so everybody
        // who got `true` from perform has had his turn before.
        let last = inbox.withLock { inbox in
            let last = inbox
            inbox = Inbox(stopped: true)
            return last
        }
        for item in last.work { item() }
        let handlers = registry.withLock { registry in
            registry.stopped = true
            let handlers = registry.handlers
            registry.handlers = [:]
            return handlers
        }
        for handler in handlers.values { handler(.pumpStopped) }
        for item in last.stopHandlers { item() }
    }
}
