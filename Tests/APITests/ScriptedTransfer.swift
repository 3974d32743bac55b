import Dispatch
import Glibc
import Kernel
import Synchronization
import Worker

/// An archiver that takes or gives bytes on a thread of its own, as a test says.
final class ScriptedTransfer: ArchiveTransfer {
    struct Script {
        /// What an outgoing archive consists of, over and over.
        var content = Array("an archive".utf8)
        /// How many bytes it has; nil: the content once.
        var length: Int?
        /// Bytes after which it closes its end, or pauses until ``ScriptedTransfer/resume()``.
        var endsAfter: Int?
        var pausesAfter: Int?
        /// What it ends with.
        var error: VolumeError?
        /// Whether incoming bytes are kept.
        var keeps = true
    }

    struct State {
        var descriptor: Int32?
        var events: [String] = []
        var bytes: [UInt8] = []
        var count = 0
        var isPaused = true
        var isDone = false
        var statistics: TransferStatistics?
    }

    private let script: Script
    private let state = Mutex(State())

    init(_ script: Script, takes: Bool) throws {
        self.script = script
        let pipe = try Pipe()
        let reader = try pipe.reader.duplicate().release()
        let writer = try pipe.writer.duplicate().release()
        let mine = takes ? reader : writer
        let theirs = takes ? writer : reader
        state.withLock { $0.descriptor = theirs }
        DispatchQueue.global().async { takes ? self.take(mine) : self.give(mine) }
    }

    func peek<Value>(_ read: (State) -> Value) -> Value { state.withLock { read($0) } }
    var events: [String] { peek { $0.events } }
    var count: Int { peek { $0.count } }
    func resume() { state.withLock { $0.isPaused = false } }

    func takeDescriptor() throws -> Descriptor {
        guard let number = state.withLock({ $0.descriptor.take() }) else { throw VolumeError(.failed, "taken") }
        let descriptor = Descriptor(owning: number)
        try descriptor.setNonBlocking(true)
        return descriptor
    }

    func finish(_ statistics: TransferStatistics) async throws -> ArchiveReport {
        while !peek({ $0.isDone }) { try await Task.sleep(for: .milliseconds(1)) }
        state.withLock {
            $0.events.append("finish")
            $0.statistics = statistics
        }
        if let error = script.error { throw error }
        return ArchiveReport()
    }

    func cancel(_ reason: VolumeError) async {
        state.withLock {
            $0.events.append("cancel \(reason.message)")
            $0.isPaused = false
        }
    }

    private func take(_ descriptor: Int32) {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while canGoOn() {
            let count = read(descriptor, &buffer, buffer.count)
            if count <= 0 { break }
            state.withLock {
                if script.keeps { $0.bytes += buffer[..<count] }
                $0.count += count
            }
        }
        close(descriptor)
        state.withLock { $0.isDone = true }
    }

    private func give(_ descriptor: Int32) {
        let piece =
            script.length == nil
            ? script.content
            : Array(repeatElement(script.content, count: 1 + (1 << 16) / script.content.count).joined())
        let length = script.length ?? piece.count
        while canGoOn(), count < length {
            let offset = count % script.content.count
            let wanted = min(length - count, piece.count - offset)
            let written = piece[offset..<(offset + wanted)].withUnsafeBytes {
                write(descriptor, $0.baseAddress, wanted)
            }
            if written <= 0 { break }
            state.withLock { $0.count += written }
        }
        close(descriptor)
        state.withLock { $0.isDone = true }
    }

    private func canGoOn() -> Bool {
        if let limit = script.endsAfter, count >= limit { return false }
        if let limit = script.pausesAfter, count >= limit { while peek({ $0.isPaused }) { usleep(2000) } }
        return true
    }
}

/// The parts of a chunked body, and whether its last chunk is there.
func unchunk(_ bytes: [UInt8]) -> (body: [UInt8], isComplete: Bool) {
    var body: [UInt8] = []
    var rest = bytes[...]
    while let end = rest.firstIndex(of: 0x0A),
        let size = Int(String(decoding: rest[..<(end - 1)], as: UTF8.self), radix: 16)
    {
        if size == 0 { return (body, true) }
        let start = end + 1
        guard rest.endIndex - start >= size + 2 else { return (body + rest[start...], false) }
        body += rest[start..<(start + size)]
        rest = rest[(start + size + 2)...]
    }
    return (body, false)
}
