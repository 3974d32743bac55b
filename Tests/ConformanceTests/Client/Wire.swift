import Glibc
import Kernel

/// A blocking TCP connection, so that tests see every byte and decide when anything is read.
final class Wire {
    struct Failure: Error, CustomStringConvertible { let description: String }

    /// How long one read may last: far longer than any reply, also on an emulated machine.
    static let secondsMax = 60
    private static let pieceBytes = 256 * 1024

    let number: Int32
    private var buffer: [UInt8] = []
    private var position = 0
    private var isOpen = true

    init(to address: WorkerAddress) throws {
        number = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw Failure(description: "socket: errno \(errno)") }
        var one: Int32 = 1
        setsockopt(number, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        var time = timeval(tv_sec: Wire.secondsMax, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(number, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
        }
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = address.port.bigEndian
        inet_pton(AF_INET, address.host, &target.sin_addr)
        let result = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(description: "connect to port \(address.port): errno \(errno)") }
    }

    deinit { close() }

    // MARK: sending

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(number, $0.baseAddress.unsafelyUnwrapped + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(description: "send: errno \(errno)") }
            sent += count
        }
    }

    /// Says that nothing more will be sent.
    func endSending() { shutdown(number, Int32(SHUT_WR)) }

    func close() {
        guard isOpen else { return }
        isOpen = false
        Glibc.close(number)
    }

    /// Closes so that the server gets a reset.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(number, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    // MARK: receiving

    /// Some bytes; empty at the end of the stream. A reset counts as an end.
    func some() throws -> [UInt8] {
        if position < buffer.count {
            defer {
                buffer = []
                position = 0
            }
            return Array(buffer[position...])
        }
        return try receive()
    }

    private func receive() throws -> [UInt8] {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Wire.pieceBytes) { memory, count in
            let received = recv(number, memory.baseAddress, Wire.pieceBytes, 0)
            failure = received < 0 ? errno : 0
            count = max(0, received)
        }
        if failure != 0, failure != ECONNRESET { throw Failure(description: "recv: errno \(failure)") }
        return bytes
    }

    private func more() throws -> Bool {
        if position > 0 {
            buffer.removeFirst(position)
            position = 0
        }
        let bytes = try receive()
        buffer += bytes
        return !bytes.isEmpty
    }

    func take(_ count: Int) throws -> [UInt8] {
        while buffer.count - position < count {
            guard try more() else { throw Failure(description: "ended \(count - buffer.count + position) bytes early") }
        }
        defer { position += count }
        return Array(buffer[position..<position + count])
    }

    /// Everything up to and with `end`.
    func text(through end: String) throws -> String {
        let mark = Array(end.utf8)
        while true {
            if let range = buffer[position...].firstRange(of: mark) {
                defer { position = range.upperBound }
                return String(decoding: buffer[position..<range.upperBound], as: UTF8.self)
            }
            guard try more() else {
                let rest = String(decoding: buffer[position...].suffix(4096), as: UTF8.self)
                throw Failure(description: "ended before \(end.debugDescription), after: \(rest.debugDescription)")
            }
        }
    }

    /// Everything to the end of the stream.
    func rest() throws -> [UInt8] {
        while try more() {}
        defer {
            buffer = []
            position = 0
        }
        return Array(buffer[position...])
    }

    func restText() throws -> String { String(decoding: try rest(), as: UTF8.self) }
}

/// Takes connections and nothing that is sent.
final class SilentListener {
    let port: UInt16
    private let number: Int32

    init() throws {
        number = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let address = try WorkerAddress.bound(number)
        guard listen(number, 4) == 0 else { throw Wire.Failure(description: "listen: errno \(errno)") }
        port = address.port
    }

    deinit { close(number) }
}

/// Where a worker listens.
struct WorkerAddress: Hashable, Sendable {
    var host = "127.0.0.1"
    var port: UInt16

    /// A port that is free now.
    static func free() throws -> WorkerAddress {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(number) }
        return try bound(number)
    }

    /// Binds a socket to a port that is free.
    fileprivate static func bound(_ number: Int32) throws -> WorkerAddress {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, length) == 0 ? getsockname(number, $0, &length) : -1
            }
        }
        guard result == 0 else { throw Wire.Failure(description: "bind: errno \(errno)") }
        return WorkerAddress(port: UInt16(bigEndian: address.sin_port))
    }
}
