import Foundation
import Glibc
import Synchronization
import Testing

@testable import Kernel

/// A network namespace of a test's own, held by a sleeping process; nothing in it reaches the host's network.
final class NetworkNamespace: Sendable {
    private let holder: Process

    /// A process inside the namespace.
    var processID: Int32 { holder.processIdentifier }

    /// Far longer than any test; only bounds what a crashed test leaves behind.
    private static let secondsMax = "600"
    /// How long a state that must come about is waited for.
    static let patience: TimeInterval = 60

    init() throws {
        try #require(geteuid() == 0, "network tests need root")
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/net")
        holder = Process()
        holder.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        holder.arguments = ["--net", "sleep", NetworkNamespace.secondsMax]
        try holder.run()
        let path = "/proc/\(processID)/ns/net"
        try NetworkNamespace.wait("a network namespace") {
            let link = try? FileManager.default.destinationOfSymbolicLink(atPath: path)
            return link.map { $0 != own } ?? false
        }
    }

    deinit { end() }

    /// Ends the holder, and with it the namespace.
    func end() {
        guard holder.isRunning else { return }
        kill(processID, SIGKILL)
        holder.waitUntilExit()
    }

    /// Runs `body` on a thread of its own inside the namespace.
    func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) throws -> Result {
        let outcome = Outcome<Result>()
        let path = "/proc/\(processID)/ns/net"
        Thread {
            outcome.finish {
                try enterNetworkNamespace(path)
                return try body()
            }
        }.start()
        return try outcome.wait()
    }

    /// Runs a program inside the namespace; what it wrote, errors too, and whether it succeeded.
    @discardableResult
    func tryCommand(_ command: String, input: String? = nil) throws -> (output: String, isSuccess: Bool) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/nsenter")
        process.arguments = ["--net=/proc/\(processID)/ns/net", "--", "sh", "-c", command]
        let output = Foundation.Pipe()
        let feed = Foundation.Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = feed
        try process.run()
        if let input { try feed.fileHandleForWriting.write(contentsOf: Data(input.utf8)) }
        try feed.fileHandleForWriting.close()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (String(decoding: data, as: UTF8.self), process.terminationStatus == 0)
    }

    /// As ``tryCommand(_:input:)`` for commands that must succeed.
    @discardableResult
    func command(_ command: String, input: String? = nil) throws -> String {
        let result = try tryCommand(command, input: input)
        try #require(result.isSuccess, "\(command): \(result.output)")
        return result.output
    }

    /// Whether an echo request is answered.
    func reaches(_ address: String, _ options: String = "") throws -> Bool {
        try tryCommand("ping -n -c 1 -W 30 \(options) \(address)").isSuccess
    }

    /// What keeps an echo request from being answered, without waiting for an answer that never comes.
    func refusal(_ address: String) throws -> String { try tryCommand("ping -n -c 1 -W 5 \(address)").output }

    /// Sends prebuilt messages as process 1 does, and checks that they stay as they are.
    func apply(_ setup: [[UInt8]]) throws {
        try run {
            let socket = try NetlinkSocket(.route)
            for (index, message) in setup.enumerated() {
                let packet = NetlinkPacket(verbatim: message)
                #expect(packet.encoded(sequence: UInt32(index + 1)) == message)
                try socket.send([packet])
            }
        }
    }

    /// Waits until something is so; a failure after a bound that no working machine reaches.
    static func wait(_ what: String, until isSo: () throws -> Bool) throws {
        let deadline = Date(timeIntervalSinceNow: patience)
        while try !isSo() {
            try #require(Date() < deadline, "waited in vain for \(what)")
            Thread.sleep(forTimeInterval: 0.002)
        }
    }
}

/// What a thread hands back to the one that waits for it.
private final class Outcome<Value: Sendable>: Sendable {
    private let done = DispatchSemaphore(value: 0)
    private let result = Mutex<Result<Value, any Error>?>(nil)

    func finish(_ body: () throws -> Value) {
        let outcome = Result(catching: body)
        result.withLock { $0 = outcome }
        done.signal()
    }

    func wait() throws -> Value {
        done.wait()
        return try #require(result.withLock { $0 }).get()
    }
}

extension NetlinkPacket {
    /// The request of an encoded message, whose type and flags are at offsets 4 and 6.
    fileprivate init(verbatim message: [UInt8]) {
        let type = UInt16(hostBytes: message[4...]) ?? 0
        let flags = UInt16(hostBytes: message[6...]) ?? 0
        self.init("verbatim", type: type, flags: Int32(flags), subject: "setup")
        for byte in message.dropFirst(NetlinkPacket.headerLength) { append(byte) }
    }
}
