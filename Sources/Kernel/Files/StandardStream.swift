internal import Glibc

/// A byte stream that somebody else opened for this process: standard input, output or error, or a stand-in for one.
///
/// The number is not owned; it must stay open for as long as the value is used.
public struct StandardStream: Sendable, Hashable {
    /// The descriptor's number.
    public let number: Int32

    /// Names a stream by its descriptor's number.
    public init(number: Int32) { self.number = number }

    /// Descriptor 0.
    public static let input = StandardStream(number: 0)
    /// Descriptor 1.
    public static let output = StandardStream(number: 1)
    /// Descriptor 2.
    public static let error = StandardStream(number: 2)

    /// Whether it is a terminal (isatty(3)).
    public var isTerminal: Bool { isatty(number) == 1 }

    /// Writes all bytes, waiting where the stream is slow or non-blocking.
    ///
    /// What fits into the kernel's buffer is one write(2), so that lines of several threads do not mix.
    /// - Throws: EPIPE when the reader has gone (SIGPIPE is expected to be ignored), EIO, ENOSPC.
    public func write(_ bytes: [UInt8]) throws(KernelError) {
        var offset = 0
        while offset < bytes.count {
            // Safe: the range offset..<count lies in the array, which lives for the call.
            let written = try invokeNonBlocking("write", "descriptor \(number)") {
                unsafe bytes.withUnsafeBytes { buffer in
                    unsafe Glibc.write(number, buffer.baseAddress.unsafelyUnwrapped + offset, bytes.count - offset)
                }
            }
            if let written { offset += written } else { try wait(for: Int16(POLLOUT)) }
        }
    }

    /// Writes the text as UTF-8; see ``write(_:)``.
    public func write(_ text: String) throws(KernelError) { try write(Array(text.utf8)) }

    /// Reads once, at most `limit` bytes; empty at the end of the stream. Waits for data.
    public func read(atMost limit: Int) throws(KernelError) -> [UInt8] {
        while true {
            var failure: KernelError?
            // Safe: read(2) fills at most `limit` bytes of a buffer of that capacity and says how many.
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
                do throws(KernelError) {
                    count =
                        try invokeNonBlocking("read", "descriptor \(number)") {
                            unsafe Glibc.read(number, buffer.baseAddress, limit)
                        } ?? -1
                } catch { failure = error }
                if count < 0 {
                    count = 0
                    failure = failure ?? KernelError(call: "read", errno: .tryAgain)
                }
            }
            guard let failure else { return bytes }
            guard failure.errno == .tryAgain else { throw failure }
            try wait(for: Int16(POLLIN))
        }
    }

    /// Waits until there is something to read here (true), the end of the stream included, or `stop` was signalled
    /// (false).
    public func waitForInput(orStop stop: EventCounter) throws(KernelError) -> Bool {
        var waits = [
            pollfd(fd: number, events: Int16(POLLIN), revents: 0),
            pollfd(fd: stop.descriptor.number, events: Int16(POLLIN), revents: 0),
        ]
        // Safe: two entries are passed for an array of two.
        try invoke("poll", "descriptor \(number)") { unsafe poll(&waits, 2, -1) }
        return waits[1].revents == 0
    }

    private func wait(for events: Int16) throws(KernelError) {
        var wait = pollfd(fd: number, events: events, revents: 0)
        // Safe: one entry is passed.
        try invoke("poll", "descriptor \(number)") { unsafe poll(&wait, 1, -1) }
    }
}

/// The two ends of a connected pair of Unix stream sockets, close-on-exec (socketpair(2)).
public struct SocketPair: ~Copyable {
    /// One end, blocking.
    public var near: Descriptor
    /// The other end, non-blocking.
    public var far: Descriptor

    /// Makes a pair.
    public init() throws(KernelError) {
        var numbers: [Int32] = [-1, -1]
        // Safe: socketpair writes two numbers into an array of two.
        try invoke("socketpair") {
            unsafe Glibc.socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &numbers)
        }
        let near = Descriptor(owning: numbers[0])
        let far = Descriptor(owning: numbers[1])
        try far.setNonBlocking(true)
        self.near = near
        self.far = far
    }

    /// Gives up both ends; the caller owns the descriptors.
    public consuming func release() -> (near: Int32, far: Int32) {
        (near.release(), far.release())
    }
}
