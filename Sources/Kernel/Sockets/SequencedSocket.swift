internal import CKernel
internal import Glibc

/// A Unix socket that keeps message boundaries and carries descriptors (unix(7), SOCK_SEQPACKET).
public struct SequencedSocket: ~Copyable, Sendable {
    /// The socket, for polling.
    public let descriptor: Descriptor

    /// A message and what came with it.
    public struct Message: ~Copyable {
        /// The bytes; empty at the end of the connection.
        public let bytes: [UInt8]
        /// The numbers of the descriptors that came along; the receiver owns them.
        public let descriptors: [Int32]
    }

    /// Takes over a connected or listening socket of this kind.
    public init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

    /// Listens at `name` in a directory; a path of any length works, since it is addressed by descriptor.
    /// - Throws: EADDRINUSE when the name is taken, and what else bind(2) says, with the path
    public static func listen(in directory: Directory, name: String) throws(KernelError) -> SequencedSocket {
        let socket = try make(nonBlocking: true)
        var address = try SocketAddress(directory, name)
        let number = socket.number
        try invoke("bind", directory.subject(name)) { unsafe address.withPointer { unsafe bind(number, $0, $1) } }
        try invoke("listen", directory.subject(name)) { Glibc.listen(number, 8) }
        return SequencedSocket(socket)
    }

    /// Connects to `name` in a directory.
    /// - Throws: ENOENT when there is nothing of that name, ECONNREFUSED when nobody listens any more, with the path
    public static func connect(to name: String, in directory: Directory) throws(KernelError) -> SequencedSocket {
        let socket = try make(nonBlocking: false)
        var address = try SocketAddress(directory, name)
        let number = socket.number
        try invoke("connect", directory.subject(name)) {
            unsafe address.withPointer { unsafe Glibc.connect(number, $0, $1) }
        }
        return SequencedSocket(socket)
    }

    private static func make(nonBlocking: Bool) throws(KernelError) -> Descriptor {
        let kind = Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue) | (nonBlocking ? O_NONBLOCK : 0)
        return Descriptor(owning: try invoke("socket") { socket(AF_UNIX, kind, 0) })
    }

    /// Sends one message; the descriptors stay the caller's.
    public borrowing func send(_ bytes: [UInt8], descriptors: [Int32] = []) throws(KernelError) {
        let number = descriptor.number
        // Safe: both buffers outlive the call.
        try invoke("sendmsg") {
            unsafe bytes.withUnsafeBytes { data in
                unsafe descriptors.withUnsafeBufferPointer {
                    unsafe apron_send(number, data.baseAddress, data.count, $0.baseAddress, UInt32($0.count), 0)
                }
            }
        }
    }

    /// Receives one message of at most `limit` bytes. Blocks unless the socket is non-blocking.
    public borrowing func receive(limit: Int) throws(KernelError) -> Message {
        let number = descriptor.number
        var bytes = [UInt8](repeating: 0, count: limit)
        var numbers = [Int32](repeating: -1, count: Int(APRON_FDS_MAX))
        var count: UInt32 = 0
        // Safe: both buffers outlive the call and bound what it writes.
        let received = try invoke("recvmsg") {
            unsafe bytes.withUnsafeMutableBytes { data in
                unsafe numbers.withUnsafeMutableBufferPointer {
                    unsafe apron_receive(number, data.baseAddress, data.count, $0.baseAddress, &count, 0)
                }
            }
        }
        bytes.removeLast(limit - received)
        return Message(bytes: bytes, descriptors: Array(numbers.prefix(Int(count))))
    }

    /// Waits until a message can be received, at most `milliseconds`; false when the time is over (poll(2)).
    public borrowing func waitReadable(milliseconds: Int32) throws(KernelError) -> Bool {
        var polled = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        // Safe: poll reads and writes the one local pollfd.
        return try invoke("poll") { unsafe poll(&polled, 1, milliseconds) } > 0
    }
}

/// A Unix socket's address through `/proc/self/fd`: such paths have at most 107 bytes, work directories more.
private struct SocketAddress {
    private var address = sockaddr_un()

    init(_ directory: Directory, _ name: String) throws(KernelError) {
        let path = Array("/proc/self/fd/\(directory.number)/\(name)".utf8)
        guard path.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw KernelError(call: "bind", errno: .nameTooLong, subject: directory.subject(name))
        }
        address.sun_family = sa_family_t(AF_UNIX)
        // Safe: the length was checked against the field's size above; the rest stays zero.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path) }
    }

    mutating func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        // Safe: sockaddr_un begins with sockaddr's fields and is passed with its own size.
        unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
