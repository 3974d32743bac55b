import ArchiveProtocol
import Kernel
import Synchronization

/// Tells the daemon what is done, by records on a pipe.
final class Reporter: Sendable {
    /// So many warnings are sent; the rest is counted.
    private static let warningsMax = 16
    /// Nanoseconds between two reports of progress.
    private static let interval: UInt64 = 1_000_000_000

    private let pipe: SharedDescriptor
    private let encoded = Atomic<UInt64>(0)
    private let stalled = Atomic<UInt64>(0)
    private let state = Mutex(State())

    private struct State {
        var count = ArchiveCount()
        var last = bootTime()
    }

    init(_ pipe: consuming Descriptor) { self.pipe = SharedDescriptor(pipe) }

    /// Ends the process as soon as nobody can read its reports any more, whatever it waits for.
    func endWithReader() throws {
        let pipe = pipe
        try startThread(named: "apron-orphan") {
            _ = try? pipe.with { (descriptor) throws(KernelError) in try descriptor.waitForHangUp() }
            Confinement.end(1)
        }
    }

    func ready() { send(.ready, orDrop: false) }

    /// Counts what went through a pipe of the stream; from any thread.
    func streamed(_ bytes: Int, since start: UInt64) {
        encoded.wrappingAdd(UInt64(bytes), ordering: .relaxed)
        stalled.wrappingAdd(bootTime() &- start, ordering: .relaxed)
    }

    func count(entries: UInt64 = 0, contentBytes: UInt64 = 0, archiveBytes: UInt64) {
        let due: ArchiveCount? = state.withLock { state in
            state.count.entries += entries
            state.count.contentBytes += contentBytes
            state.count.archiveBytes = archiveBytes
            let now = bootTime()
            guard now &- state.last >= Reporter.interval else { return nil }
            state.last = now
            return state.count
        }
        if let due { send(.progress(filled(due)), orDrop: true) }
    }

    /// Notes what the process did in its time.
    /// - Parameters:
    ///   - coding: nanoseconds in the coder, with its waits for the pipe of the stream
    ///   - entries: nanoseconds outside of it
    func spent(coding: UInt64, entries: UInt64) {
        let waited = stalled.load(ordering: .relaxed)
        state.withLock { state in
            state.count.codecNanoseconds = coding > waited ? coding - waited : 0
            state.count.entryNanoseconds = entries
        }
    }

    func warn(_ text: @autoclosure () -> String) {
        let warnings = state.withLock { state in
            state.count.warnings += 1
            return state.count.warnings
        }
        if warnings <= UInt64(Reporter.warningsMax) { send(.warning(text()), orDrop: true) }
    }

    /// Sends the result and ends the process.
    func finish(_ fault: ArchiveFault?) -> Never {
        let count = filled(state.withLock { $0.count })
        send(fault.map { .failed($0, count) } ?? .done(count), orDrop: false)
        Confinement.end(fault == nil ? 0 : 1)
    }

    private func filled(_ count: ArchiveCount) -> ArchiveCount {
        var count = count
        count.encodedBytes = encoded.load(ordering: .relaxed)
        count.stalledNanoseconds = stalled.load(ordering: .relaxed)
        return count
    }

    /// A reader that is slow to take progress must not hold the work up.
    private func send(_ report: ArchiveReport, orDrop mayDrop: Bool) {
        if mayDrop && !pipe.isWritableNow() { return }
        // Without a reader the process is about to end anyway.
        try? StandardStream(number: pipe.number).write(ArchiveRecord.encode(report))
    }
}
