import Foundation
import InitProtocol
import Kernel
import Synchronization
import TestSupport
import Testing

@testable import Runtime

/// What a process 1 that was taken over by an inmate could say: errors are precise, no descriptor stays, nothing hangs.
@Suite(.hostUnchanged, .serialized) struct ProtocolFrozenPeerTests {
    @Test func silenceAndTheEnd() throws {
        let peer = try HostilePeer { socket, _ in _ = try? socket.receive(limit: 1) }
        let silent = kernelError { try peer.process(patience: 50).list() }
        #expect(silent?.errno == .timedOut && silent?.subject == "process 1 does not answer")
        let ended = try HostilePeer { socket, _ in shutdown(socket.descriptor.number, Int32(SHUT_RDWR)) }
        #expect([.connectionReset, .brokenPipe].contains(kernelError { try ended.process().list() }?.errno))
    }

    @Test func shortAndForeignFrames() throws {
        let short = try HostilePeer { socket, _ in try? socket.send([1, 2, 3], descriptors: [0, 1, 2]) }
        let error = kernelError { try short.process().list() }
        #expect(error?.errno.name == "EBADMSG" && error?.subject == "3 bytes from process 1")
        // Answers to nobody's question, each with descriptors, then the right one.
        let wrong = try HostilePeer { socket, frame in
            for serial in [0, frame.serial &+ 1, .max] {
                var other = frame
                other.serial = serial
                try? socket.send(other.encoded, descriptors: [Int32](repeating: 0, count: 200))
            }
            try? socket.send(frame.encoded)
        }
        #expect(try wrong.process().list().isEmpty)
    }

    @Test func tooManyDescriptors() throws {
        let peer = try HostilePeer { socket, frame in
            try? socket.send(frame.encoded, descriptors: [Int32](repeating: 0, count: 250))
        }
        let process = try peer.process()
        let streams = InitProcess.Streams.terminal(outputWrite: 0, outputRead: 0)
        #expect(try process.spawn(ProgramPlan(), key: 1, streams: streams, spans: StepSpans()).pid == 0)
        #expect(try process.adopt(1).stdin == nil)
        try process.forget(1)
        try process.setUp(LaunchPlan(), since: bootTime(), spans: StepSpans())
        #expect(try process.list().isEmpty)
    }

    @Test func hugeCountsAndWrongTimes() throws {
        let peer = try HostilePeer { socket, frame in
            var reply = frame
            reply.error = 13
            reply.call = .max
            reply.step = .max
            reply.count = .max
            reply.arguments = [.max, .max, .max, .max]
            try? socket.send(
                reply.encoded + [UInt8](repeating: 0xff, count: 640 * StepRecord.bytes), descriptors: [0, 1])
        }
        let process = try peer.process()
        let streams = InitProcess.Streams.terminal(outputWrite: 0, outputRead: 0)
        var failure: InitConnection.Failure?
        do {
            _ = try process.spawn(ProgramPlan(), key: 1, streams: streams, spans: StepSpans(showsEveryStep: true))
        } catch {
            failure = error as? InitConnection.Failure
        }
        #expect(failure?.error.errno == .access && failure?.error.call == "call 65535" && failure?.records.count == 640)
        let setUp = kernelError { try process.setUp(LaunchPlan(), since: bootTime(), spans: StepSpans()) }
        #expect(setUp?.errno == .access)
        #expect(kernelError { try process.adopt(1) }?.errno == .access)
    }

    @Test func programsWithoutEnd() throws {
        let peer = try HostilePeer { socket, frame in
            try? socket.send(frame.encoded + [UInt8](repeating: 1, count: 128 * ProcessState.bytes))
        }
        #expect(kernelError { try peer.process().list() }?.errno == .tooBig)
    }

    @Test func eventsWithoutEnd() throws {
        let peer = try HostilePeer { socket, frame in
            let event = InitFrame(APRON_EXITED).encoded + [UInt8](repeating: 0xff, count: ExitRecord.bytes)
            while (try? socket.send(event)) != nil {}
        }
        let error = kernelError { try peer.process().list() }
        #expect(["EBADMSG", "ETIMEDOUT"].contains(error?.errno.name))
    }

    @Test func moreMountsThanAMessageTakes() throws {
        let peer = try HostilePeer { socket, frame in try? socket.send(frame.encoded) }
        var plan = LaunchPlan()
        plan.operations = (0..<260).map { .attach(descriptor: 0, target: "/\($0)", isFile: false, isDeviceTree: false) }
        let error = kernelError { try peer.process().setUp(plan, since: bootTime(), spans: StepSpans()) }
        #expect(error?.errno == .tooBig && error?.subject?.contains("260 mounts") == true)
    }
}

/// Stands in for process 1 at the other end of a real socket: answers every request as the script has it, until nobody asks any more.
private final class HostilePeer: Sendable {
    typealias Script = @Sendable (borrowing SequencedSocket, InitFrame) -> Void

    private let scratch: Scratch
    private let listener: SequencedSocket
    private let script: Script

    init(_ script: @escaping Script) throws {
        scratch = try Scratch()
        self.script = script
        listener = try SequencedSocket.listen(in: scratch.directory, name: InitProcess.socketName)
    }

    /// The daemon's view of it, with a thread behind that plays the part for one connection.
    func process(patience: Int32 = 30_000) throws -> InitProcess {
        let connection = try InitConnection(
            name: InitProcess.socketName, in: scratch.directory, patience: patience, onExit: { _ in }, onEnd: {})
        let accepted = accept(listener.descriptor.number, nil, nil)
        try #require(accepted >= 0)
        let script = script
        try startThread(named: "hostile-peer") {
            let socket = SequencedSocket(Descriptor(owning: accepted))
            while let message = try? socket.receive(limit: InitFrame.bytes), !message.bytes.isEmpty {
                for descriptor in message.descriptors { close(descriptor) }
                var reader = WireReader(message.bytes)
                guard let frame = InitFrame(&reader) else { return }
                script(socket, frame)
                // Far longer than a busy machine takes for the next request.
                if (try? socket.waitReadable(milliseconds: 60_000)) != true { return }
            }
        }
        guard let own = try openProcess(getpid()) else { throw KernelError(call: "pidfd_open", errno: .noProcess) }
        return InitProcess(pid: getpid(), descriptor: own, connection: connection, isChild: false)
    }
}
