internal import Kernel
internal import Synchronization
internal import Worker

/// Carries our standard input to a process. Reading blocks, so it has a thread; the next block is read only when the
/// process has taken the one before.
final class InputPump: Sendable {
    /// As much as a pipe holds.
    private static let blockSize = 64 * 1024

    private let input: StandardStream
    private let stopped: EventCounter
    /// Signalled for each block that may be read.
    private let wanted: EventCounter
    private let isStopped = Atomic(false)

    /// Prepares to read from `input`.
    init(_ input: StandardStream) throws(KernelError) {
        self.input = input
        stopped = try EventCounter()
        wanted = try EventCounter()
    }

    /// Carries everything up to the end of the input, which then ends the process's too; returns earlier after
    /// ``stop()`` or when the process takes no more.
    func run(to attachment: any ProcessAttachment) async {
        let (blocks, sink) = AsyncStream.makeStream(of: [UInt8].self)
        do throws(KernelError) {
            try startThread(named: "run-stdin") {
                self.read(into: sink)
                sink.finish()
            }
        } catch {
            sink.finish()
            return
        }
        wanted.signal()
        do {
            for await block in blocks {
                try await attachment.write(block)
                wanted.signal()
            }
            if !isStopped.load(ordering: .acquiring) { try await attachment.closeInput() }
        } catch {
            // The process has closed its input or ended; how it ended is what `wait` says.
        }
        stop()
    }

    /// Ends the thread, which may be waiting for a key that nobody presses.
    func stop() {
        isStopped.store(true, ordering: .releasing)
        stopped.signal()
    }

    private func read(into sink: AsyncStream<[UInt8]>.Continuation) {
        let turn = StandardStream(number: wanted.descriptor.number)
        while true {
            guard (try? turn.waitForInput(orStop: stopped)) == true else { return }
            wanted.drain()
            guard (try? input.waitForInput(orStop: stopped)) == true else { return }
            guard let bytes = try? input.read(atMost: Self.blockSize), !bytes.isEmpty else { return }
            sink.yield(bytes)
        }
    }
}
