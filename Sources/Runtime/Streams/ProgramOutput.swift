internal import Kernel

/// The program's side of an output stream: a pipe, perhaps fed from a terminal.
struct ProgramOutput {
    /// Twice what a terminal's line discipline holds, so that one call empties it.
    private static let terminalChunk = 8 * 1024
    /// A terminal that still talks this long after its program ended is somebody else's: more than the kernel's
    /// buffers hold (64 KiB and a page).
    private static let terminalRestMax = 256 * 1024

    let pipe: SharedDescriptor
    private let terminal: (master: SharedDescriptor, writer: SharedDescriptor)?
    private var capacity: Int
    private var grown = false
    /// The terminal waits for room in the pipe.
    private var terminalBlocked = false
    /// Bytes moved from the terminal since the program ended.
    private var terminalRest = 0
    /// The terminal was found empty after the program had ended.
    private(set) var terminalDrained: Bool
    /// No writer is left.
    var hungUp = false

    init(_ source: OutputSource) throws(KernelError) {
        switch source {
        case .pipe(let reader):
            pipe = reader
            terminal = nil
        case .terminal(let master, let reader, let writer):
            // splice(2) does not pass its own flag on to the terminal.
            try master.with { master throws(KernelError) in try master.setNonBlocking(true) }
            pipe = reader
            terminal = (master, writer)
        }
        terminalDrained = terminal == nil
        capacity = try pipe.pipeCapacity()
    }

    /// Bytes in the pipe.
    func backlog() -> Int {
        // FIONREAD on a pipe cannot fail.
        (try? pipe.unreadBytes()) ?? 0
    }

    /// Whether the program waits for us, or soon will.
    func isPressing(_ backlog: Int) -> Bool { backlog >= capacity / 2 || terminalBlocked }

    /// A larger pipe for a busy program: fewer switches between it and the pump.
    mutating func grow(to bytes: Int) {
        if grown { return }
        grown = true
        // Refused beyond the system's or the user's limit: then it stays as it is.
        if bytes > capacity, let chosen = try? pipe.setPipeCapacity(bytes) { capacity = chosen }
    }

    /// Moves what a terminal has into the pipe, until either is exhausted.
    mutating func relay(programEnded: Bool) {
        guard let terminal else { return }
        for _ in 0..<(Self.terminalRestMax / Self.terminalChunk) {
            // Asked before: then a refusal can only mean that the terminal is empty, since nobody else fills the pipe.
            terminalBlocked = !terminal.writer.isWritableNow()
            if terminalBlocked { return }
            // EIO: no program has the terminal open at the moment.
            let moved = (try? terminal.master.splice(to: terminal.writer, count: Self.terminalChunk)) ?? 0
            if programEnded {
                terminalRest += moved
                if moved == 0 || terminalRest >= Self.terminalRestMax { terminalDrained = true }
            }
            if moved == 0 { return }
        }
    }
}
