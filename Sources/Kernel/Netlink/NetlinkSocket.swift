internal import CKernel
internal import Glibc
internal import Synchronization

/// A netlink socket for requests and their answers (netlink(7)), usable by several threads, one exchange at a time.
///
/// It speaks to the network namespace of the thread that opened it, whichever thread uses it later.
public final class NetlinkSocket: Sendable {
    /// Which part of the kernel is spoken to.
    public enum Family: Sendable {
        /// Links, addresses, routes and neighbours: rtnetlink(7).
        case route
        /// Firewall tables: nf_tables.
        case netfilter
    }

    /// The kernel fills at most 32 KiB for one datagram of a list; a single link with many attributes is far smaller.
    fileprivate static let receiveBytesMax = 64 << 10
    /// The kernel answers within the sending call, hence a longer silence is a lost answer.
    private static let receiveSecondsMax = 10
    /// Datagrams of one exchange; a list of 100,000 entries needs about 1,000.
    fileprivate static let datagramsMax = 10_000

    fileprivate struct State: ~Copyable {
        let descriptor: Descriptor
        var sequence: UInt32 = 0
        var buffer = [UInt8](repeating: 0, count: receiveBytesMax)
    }

    private let state: Mutex<State>

    /// Opens a socket with extended error texts (NETLINK_EXT_ACK and NETLINK_CAP_ACK, Linux 4.12).
    public init(_ family: Family) throws(KernelError) {
        let `protocol` = family == .route ? NETLINK_ROUTE : NETLINK_NETFILTER
        let descriptor = Descriptor(
            owning: try invoke("socket", "netlink") {
                socket(AF_NETLINK, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), `protocol`)
            })
        for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK] {
            try descriptor.setOption(level: SOL_NETLINK, option, to: Int32(1))
        }
        try descriptor.setOption(
            level: SOL_SOCKET, SO_RCVTIMEO, to: timeval(tv_sec: NetlinkSocket.receiveSecondsMax, tv_usec: 0))
        state = Mutex(State(descriptor: descriptor))
    }

    /// Sends requests in one datagram and waits until each is acknowledged.
    ///
    /// The kernel carries out all of them in order, even those after one that failed.
    /// - Throws: the error of the first request that failed, with the kernel's own sentence.
    public func send(_ packets: [NetlinkPacket]) throws(KernelError) {
        try state.withLock { (state) throws(KernelError) in
            let first = try state.transmit(packets)
            var failures: [Int: KernelError] = [:]
            var pending = packets.count
            try state.receive(until: { pending == 0 }, what: packets.first?.name ?? "") { message in
                let index = Int(message.sequence &- first)
                guard packets.indices.contains(index), message.type == UInt16(NLMSG_ERROR) else { return }
                pending -= 1
                if let failure = message.failure { failures[index] = KernelError(packets[index], failure) }
            }
            if let index = failures.keys.min(), let failure = failures[index] { throw failure }
        }
    }

    /// Sends one request and hands each message of its answer, one or a list, to `body`.
    ///
    /// - Parameter limit: how many messages are handed out at most; further ones are read and dropped
    func query(_ packet: NetlinkPacket, limit: Int, _ body: (NetlinkMessage) -> Void) throws(KernelError) {
        try state.withLock { (state) throws(KernelError) in
            let sequence = try state.transmit([packet])
            var failure: KernelError?
            var isDone = false
            var count = 0
            try state.receive(until: { isDone }, what: packet.name) { message in
                guard message.sequence == sequence else { return }
                if message.type == UInt16(NLMSG_ERROR) || message.type == UInt16(NLMSG_DONE) {
                    isDone = true
                    failure = message.failure.map { KernelError(packet, $0) }
                } else if count < limit {
                    count += 1
                    body(message)
                }
            }
            if let failure { throw failure }
        }
    }
}

extension NetlinkSocket.State {
    /// Sends the requests; returns the sequence number of the first.
    mutating func transmit(_ packets: [NetlinkPacket]) throws(KernelError) -> UInt32 {
        let first = sequence &+ 1
        var bytes: [UInt8] = []
        for packet in packets {
            sequence &+= 1
            bytes += packet.encoded(sequence: sequence)
        }
        let number = descriptor.number
        try invoke("send", "netlink \(packets.first?.name ?? "")") {
            // Safe: the array outlives the call and its own count is the length.
            unsafe bytes.withUnsafeBytes { unsafe Glibc.send(number, $0.baseAddress, $0.count, 0) }
        }
        return first
    }

    /// Hands out every message that arrives until `isDone`, those of abandoned exchanges too.
    mutating func receive(
        until isDone: () -> Bool, what: String, _ body: (NetlinkMessage) -> Void
    ) throws(KernelError) {
        var datagrams = 0
        while !isDone() {
            datagrams += 1
            guard datagrams <= NetlinkSocket.datagramsMax else {
                throw KernelError(call: "netlink \(what)", errno: .tooBig, subject: "answer does not end")
            }
            let number = descriptor.number
            let length = try invokeNonBlocking("recv", "netlink \(what)") {
                // Safe: the array outlives the call and its own count is the limit.
                unsafe buffer.withUnsafeMutableBytes {
                    unsafe Glibc.recv(number, $0.baseAddress, $0.count, Int32(MSG_TRUNC))
                }
            }
            // With SO_RCVTIMEO, EAGAIN means that the time is over (socket(7)).
            guard let length else { throw KernelError(call: "netlink \(what)", errno: .timedOut) }
            guard length <= buffer.count else {
                throw KernelError(call: "netlink \(what)", errno: .tooBig, subject: "datagram of \(length) bytes")
            }
            var rest = buffer[..<length]
            while let message = NetlinkMessage(next: &rest) { body(message) }
        }
    }
}

extension Descriptor {
    fileprivate borrowing func setOption<Value: BitwiseCopyable>(
        level: Int32, _ name: Int32, to value: Value
    ) throws(KernelError) {
        let number = number
        try invoke("setsockopt") {
            // Safe: the value outlives the call and its own size is the length.
            unsafe withUnsafeBytes(of: value) {
                unsafe setsockopt(number, level, name, $0.baseAddress, socklen_t($0.count))
            }
        }
    }
}

extension KernelError {
    /// The failure of a netlink request, with the kernel's sentence when there is one.
    fileprivate init(_ packet: NetlinkPacket, _ failure: (errno: ErrorNumber, text: String?)) {
        let text = failure.text.map { " (\($0))" } ?? ""
        self.init(call: "netlink \(packet.name)", errno: failure.errno, subject: packet.subject + text)
    }
}
