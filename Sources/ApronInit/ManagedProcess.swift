import CKernel
import InitProtocol

/// A program that process 1 started, with the ends of its streams that must outlive the daemon.
struct ManagedProcess {
    let key: UInt32
    let pid: Int32
    var phase = APRON_RUNNING
    /// Kept so that the program sees no end of file while no daemon holds the writing end.
    var stdinWrite: Int32 = -1
    /// Kept so that output which no daemon has read yet stays in the pipes.
    var stdoutRead: Int32 = -1
    var stderrRead: Int32 = -1
    var terminal: Terminal?
    var exit = apron_exit()

    init(key: UInt32, pid: Int32) {
        self.key = key
        self.pid = pid
    }

    /// What is kept, as the protocol's bits and in their order.
    var kept: [(bit: UInt32, descriptor: Int32)] {
        var kept = [(bit: UInt32, descriptor: Int32)]()
        if stdinWrite >= 0 { kept.append((UInt32(APRON_KEEPS_STDIN.rawValue), stdinWrite)) }
        if stdoutRead >= 0 { kept.append((UInt32(APRON_KEEPS_STDOUT.rawValue), stdoutRead)) }
        if stderrRead >= 0 { kept.append((UInt32(APRON_KEEPS_STDERR.rawValue), stderrRead)) }
        if let terminal { kept.append((UInt32(APRON_KEEPS_TERMINAL.rawValue), terminal.master)) }
        return kept
    }

    var state: apron_process_state {
        var state = apron_process_state()
        state.process = key
        state.pid = UInt32(pid)
        state.phase = UInt32(phase.rawValue)
        for part in kept { state.kept |= part.bit }
        state.exit = exit
        return state
    }

    mutating func closeInput() {
        if stdinWrite >= 0 { _ = apron_close(stdinWrite) }
        stdinWrite = -1
    }

    mutating func closeAll() {
        closeInput()
        for descriptor in [stdoutRead, stderrRead] where descriptor >= 0 { _ = apron_close(descriptor) }
        stdoutRead = -1
        stderrRead = -1
        terminal?.close()
        terminal = nil
    }
}

/// A terminal's master and the copying of its output into the pipe that the daemon reads.
///
/// A terminal loses what its reader lost; a pipe whose both ends live here does not. So process 1 does the reading.
struct Terminal {
    /// One read's worth: what a terminal hands out at a time.
    private static let chunkBytes = 4096
    /// Reads of one turn, as much as a pipe holds: a program that never pauses must not keep process 1 from others.
    private static let chunksMax = 16

    /// How a turn of copying ended.
    enum Progress {
        /// Nothing more for now, and nothing is pending.
        case empty
        /// The pipe is full.
        case pending
        /// The turn is over; there may be more.
        case interrupted
    }

    let master: Int32
    private(set) var output: Int32
    private var pending: [UInt8] = []
    /// The last slave is closed: nothing will come any more.
    private(set) var isEnded = false

    init(master: Int32, output: Int32) {
        self.master = master
        self.output = output
    }

    /// What to wait for: room in the pipe while something is pending, else output of the terminal.
    var waits: (descriptor: Int32, events: Int16)? {
        if !pending.isEmpty { return (output, 4) }
        return isEnded ? nil : (master, 1)
    }

    /// Moves what can be moved in one turn.
    mutating func move() -> Progress {
        for _ in 0..<Terminal.chunksMax {
            if !pending.isEmpty {
                let written = pending.withUnsafeBytes { apron_write(output, $0.baseAddress, $0.count) }
                if written < 0 { return apron_errno() == Errno.tryAgain ? .pending : .empty }
                pending.removeFirst(written)
                if !pending.isEmpty { return .pending }
            }
            if isEnded { return .empty }
            var chunk = [UInt8](repeating: 0, count: Terminal.chunkBytes)
            let count = chunk.withUnsafeMutableBytes { apron_read(master, $0.baseAddress, $0.count) }
            if count < 0, apron_errno() == Errno.tryAgain { return .empty }
            if count <= 0 {
                // EIO: every slave is closed. A background program may still hold one; then this comes later.
                isEnded = true
                return .empty
            }
            chunk.removeLast(Terminal.chunkBytes - count)
            pending = chunk
        }
        return .interrupted
    }

    mutating func close() {
        _ = apron_close(master)
        if output >= 0 { _ = apron_close(output) }
        output = -1
    }
}
