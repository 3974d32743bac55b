internal import Kernel
internal import Synchronization

/// Descriptors that came with a message, in order; those that nobody takes are closed.
final class ReceivedDescriptors: Sendable {
    private let numbers: Mutex<[Int32]>

    /// Owns these from now on.
    init(_ numbers: [Int32]) { self.numbers = Mutex(numbers) }

    deinit { while takeFirst() != nil {} }

    /// The next one, the caller's own.
    func takeFirst() -> Descriptor? {
        let number = numbers.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        return number.map { Descriptor(owning: $0) }
    }
}
