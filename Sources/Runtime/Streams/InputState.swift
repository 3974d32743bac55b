internal import Kernel

/// What one input stream knows: who writes, and how far it has come.
struct InputState {
    struct Write {
        let id: UInt64
        let bytes: [UInt8]
        var written = 0
        let end: @Sendable (Result<Void, KernelError>) -> Void
    }

    private(set) var descriptor: SharedDescriptor?
    var registration: PumpRegistration?
    /// Writes that are not complete, in the order of their calls.
    var queue: [Write] = []
    /// No more writes are taken once the queue is empty.
    var closing = false
    /// Why every write fails.
    var failure: KernelError?
    /// The pump has been asked to come back.
    var retrying = false

    init(descriptor: SharedDescriptor) { self.descriptor = descriptor }

    /// Writes what the kernel takes now; returns the writes that are done or have failed.
    mutating func advance() -> [(Write, Result<Void, KernelError>)] {
        var ended: [(Write, Result<Void, KernelError>)] = []
        while failure == nil, let descriptor, let first = queue.first {
            do {
                if first.written < first.bytes.count {
                    guard let count = try descriptor.writeSome(first.bytes, from: first.written) else { break }
                    queue[0].written += count
                }
                if queue[0].written == first.bytes.count { ended.append((queue.removeFirst(), .success(()))) }
            } catch {
                failure = error
            }
        }
        if let failure {
            ended += queue.map { ($0, .failure(failure)) }
            queue = []
        }
        return ended
    }

    /// Our end was closed before.
    var isReleased: Bool { closing && registration == nil }

    /// Whether the pump must be asked to come back for what is left.
    mutating func needsRetry() -> Bool {
        let needed = !queue.isEmpty && !retrying
        if needed { retrying = true }
        return needed
    }

    /// Closes our end when nothing is left to write; true when that happened now.
    mutating func releaseIfDone() -> Bool {
        guard closing, queue.isEmpty, let registration else { return false }
        registration.cancel()
        self.registration = nil
        descriptor = nil
        failure = failure ?? Self.error(.brokenPipe)
        return true
    }

    static func error(_ errno: ErrorNumber) -> KernelError {
        KernelError(call: "write", errno: errno, subject: "standard input")
    }
}
