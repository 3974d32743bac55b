internal import Kernel

/// What one output stream knows; the pump's thread takes it from turn to turn.
///
/// Bytes go from the pipe straight to the socket while exactly one attacher exists and has had everything before. In
/// all other cases they go to the end of the spool, and from there to every attacher at its own pace. The pipe is left
/// alone, and the program waits, while the spool is full.
struct OutputState {
    /// Bytes asked for in one call: a whole large pipe.
    private static let chunk = 1024 * 1024
    /// Bytes moved before other streams have their turn.
    private static let turnBudget = 4 * 1024 * 1024

    /// What a turn leaves to do for its caller.
    struct Turn {
        /// There is more to move at once.
        var again = false
        /// When to come back although nothing happens, as an instant of bootTime().
        var deadline: UInt64?
        /// Attachers that are done; to be told outside of every lock.
        var ended: [(end: @Sendable (AttachEnd) -> Void, how: AttachEnd)] = []
    }

    var output: ProgramOutput
    var spool: Spool
    private let limits: OutputLimits
    private(set) var attachers: [Attacher] = []
    private var statistics = OutputStatistics()
    private var ended: [(end: @Sendable (AttachEnd) -> Void, how: AttachEnd)] = []
    /// The program has exited; others may still hold its pipe.
    var finished = false
    private(set) var closed = false
    /// Since when the pipe holds bytes that nobody took.
    private var pendingSince: UInt64?
    /// Since when the spool takes nothing more.
    private var fullSince: UInt64?
    /// When the disk may be asked again after a refusal.
    private var retryAt: UInt64?

    init(output: ProgramOutput, spool: Spool, limits: OutputLimits) {
        self.output = output
        self.spool = spool
        self.limits = limits
    }

    // MARK: Attachers

    /// Adds an attacher at the unread mark: what nobody has read comes first to whoever attaches next.
    mutating func add(_ attacher: Attacher) {
        var attacher = attacher
        attacher.position = spool.mark
        attachers.append(attacher)
    }

    /// The socket of an attacher has room again.
    mutating func unblock(_ id: UInt64) {
        guard let index = attachers.firstIndex(where: { $0.id == id }) else { return }
        attachers[index].blockedSince = nil
    }

    /// Ends an attacher; what its socket has not accepted stays for others.
    mutating func end(_ id: UInt64, _ how: (UInt64) -> AttachEnd) {
        guard let index = attachers.firstIndex(where: { $0.id == id }) else { return }
        let attacher = attachers.remove(at: index)
        attacher.registration.cancel()
        attacher.socket.endSending()
        ended.append((attacher.end, how(attacher.bytes)))
    }

    /// Ends all attachers and everything else but the file.
    mutating func close() {
        closed = true
        for attacher in attachers { end(attacher.id, AttachEnd.closed) }
    }

    // MARK: A turn

    /// Moves what can be moved now.
    mutating func turn(now: UInt64) -> Turn {
        var budget = Self.turnBudget
        let attachersBefore = attachers.count
        while !closed && budget > 0 {
            settleEnds()
            let moved = deliver(now) + pull(now)
            spool.release(before: needed)
            if moved == 0 { break }
            budget -= moved
        }
        var turn = Turn()
        if !closed {
            noteFullness(now)
            endStalled(now)
            // One attacher less may be what the others, and the program, were waiting for.
            turn.again = budget <= 0 || attachers.count < attachersBefore
            turn.deadline = nextDeadline(now)
        }
        turn.ended = ended
        ended = []
        return turn
    }

    /// What was done so far.
    var currentStatistics: OutputStatistics {
        var current = statistics
        current.spooled = spool.written
        current.held = spool.end - needed
        current.attachers = attachers.count
        current.spoolError = spool.error
        return current
    }

    /// What comes first to whoever attaches now: bytes that the program has written and nobody has had.
    var unread: UInt64 { spool.end - spool.mark + UInt64(output.backlog()) }

    /// The smallest position that somebody has yet to read.
    private var needed: UInt64 { attachers.map(\.position).min() ?? spool.mark }

    /// Ends attachers that have everything, once it is known what everything is.
    private mutating func settleEnds() {
        let backlog = output.backlog()
        let exhausted = output.hungUp && backlog == 0
        guard exhausted || finished else { return }
        // What is in the pipe now is the rest; what background children write later is for later attachers.
        let end = spool.end + UInt64(backlog)
        for index in attachers.indices where attachers[index].endsAt == nil { attachers[index].endsAt = end }
        for attacher in attachers where attacher.position == attacher.endsAt {
            self.end(attacher.id, AttachEnd.delivered)
        }
    }

    /// Sends from the spool to every attacher that is behind.
    private mutating func deliver(_ now: UInt64) -> Int {
        var moved = 0
        for attacher in attachers where attacher.blockedSince == nil && attacher.position < spool.end {
            let available = Int(clamping: spool.end - attacher.position)
            let count = attacher.wanted(of: min(available, Self.chunk))
            guard count > 0 else { continue }
            do {
                let sent = try spool.send(from: attacher.position, to: attacher.socket, count: count)
                moved += note(sent, for: attacher.id, now)
                spool.accepted(upTo: attacher.position + UInt64(sent ?? 0))
            } catch {
                end(attacher.id, AttachEnd.clientGone)
            }
        }
        return moved
    }

    /// Takes bytes from the pipe: to the only attacher when it has had all before, or else to the spool.
    private mutating func pull(_ now: UInt64) -> Int {
        let backlog = output.backlog()
        guard backlog > 0 else {
            pendingSince = nil
            return 0
        }
        let pending = pendingSince ?? now
        pendingSince = pending
        if output.isPressing(backlog) { output.grow(to: limits.pipeBytes) }
        if let only = attachers.first, attachers.count == 1, only.position == spool.end, only.blockedSince == nil {
            return pass(backlog, to: only, now)
        }
        guard spool.room(needed: needed) > 0, let time = spoolTime(backlog, pending: pending), now >= time else {
            return 0
        }
        let moved = spool.append(
            from: output.pipe, count: min(backlog, spool.room(needed: needed), Self.chunk))
        retryAt = moved == 0 ? now + limits.retryNanoseconds : nil
        taken(moved, of: backlog)
        return moved
    }

    private mutating func pass(_ backlog: Int, to attacher: Attacher, _ now: UInt64) -> Int {
        let count = attacher.wanted(of: min(backlog, Self.chunk))
        guard count > 0 else { return 0 }
        do {
            // The pipe is not empty, so a refusal is the socket's.
            let sent = try output.pipe.splice(to: attacher.socket, count: count)
            let moved = note(sent, for: attacher.id, now)
            spool.pass(moved)
            if moved > 0 { retryAt = nil }
            taken(moved, of: backlog)
            return moved
        } catch {
            end(attacher.id, AttachEnd.clientGone)
            return 0
        }
    }

    private mutating func taken(_ moved: Int, of backlog: Int) {
        statistics.fromProgram += UInt64(moved)
        if moved == backlog { pendingSince = nil }
    }

    private mutating func note(_ sent: Int?, for id: UInt64, _ now: UInt64) -> Int {
        guard let index = attachers.firstIndex(where: { $0.id == id }) else { return 0 }
        guard let sent else {
            attachers[index].blockedSince = now
            return 0
        }
        attachers[index].progressed(sent, now: now)
        statistics.delivered += UInt64(sent)
        return sent
    }

    // MARK: Time

    /// When what is in the pipe shall go to the spool; nil when it has a better way.
    private func spoolTime(_ backlog: Int, pending: UInt64) -> UInt64? {
        let time: UInt64? =
            switch attachers.count {
            case 0:
                output.isPressing(backlog) ? pending : pending + limits.lingerNanoseconds
            case 1:
                onlyAttacherSpoolTime(attachers[0], pressing: output.isPressing(backlog), pending: pending)
            default:
                pending
            }
        return time.map { max($0, retryAt ?? 0) }
    }

    /// One that accepts bytes gets them soon: from the spool what it has missed, then straight from the pipe. Filling
    /// the spool meanwhile would keep it there for ever.
    private func onlyAttacherSpoolTime(_ only: Attacher, pressing: Bool, pending: UInt64) -> UInt64? {
        guard let blockedSince = only.blockedSince else { return nil }
        return pressing
            ? blockedSince + limits.blockNanoseconds : max(blockedSince, pending) + limits.lingerNanoseconds
    }

    private mutating func noteFullness(_ now: UInt64) {
        let full = spool.room(needed: needed) == 0 || retryAt != nil
        fullSince = full ? fullSince ?? now : nil
    }

    /// Disconnects attachers that keep the program waiting and take nothing.
    private mutating func endStalled(_ now: UInt64) {
        for attacher in attachers {
            guard let time = stallTime(attacher), now >= time else { continue }
            statistics.stalls += 1
            end(attacher.id, AttachEnd.stalled)
        }
    }

    private func stallTime(_ attacher: Attacher) -> UInt64? {
        guard let fullSince, attacher.blockedSince != nil else { return nil }
        return max(fullSince, attacher.progressAt) + limits.stallNanoseconds
    }

    private func nextDeadline(_ now: UInt64) -> UInt64? {
        var times = attachers.compactMap(stallTime)
        if let pendingSince, spool.room(needed: needed) > 0,
            let time = spoolTime(output.backlog(), pending: pendingSince)
        {
            times.append(time)
        }
        // Never at once: what is due now was tried in this turn.
        return times.min().map { max($0, now + 1_000_000) }
    }
}
