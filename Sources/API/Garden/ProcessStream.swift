internal import Logging
internal import NIOCore
internal import Synchronization
internal import Worker

/// The main connection of one client of one process: payloads in, one status out.
struct ProcessStream: Sendable {
    let attachment: any ProcessAttachment
    let logger: Logger

    /// Largest payload of a client in bytes; stdin travels in pieces of 32 KiB.
    private static let payloadLimit = 8 << 20

    /// What happened first.
    private enum Event {
        /// The client closed its side before the end of its input, or the connection broke.
        case gone
        /// Nothing more is to be read, and the client may still wait.
        case inputOver
        /// The process's end was told.
        case told
    }

    /// Whether the client ended its input.
    private final class InputState: Sendable {
        private let isOver = Atomic<Bool>(false)
        var hasEnded: Bool { isOver.load(ordering: .relaxed) }
        func end() { isOver.store(true, ordering: .relaxed) }
    }

    /// Serves the client until the process ends, the client goes, or the server shuts down. Detaches exactly once.
    func serve(_ connection: TakenConnection?) async {
        let input = InputState()
        let wasServed = await served(connection, input)
        // A shutdown is not the client's going: input stays open for whoever attaches next.
        let isShutdown = connection?.isShuttingDown ?? false
        await attachment.detach(cleanly: wasServed || input.hasEnded || isShutdown)
    }

    private func served(_ connection: TakenConnection?, _ input: InputState) async -> Bool {
        guard let connection else { return false }
        do {
            try await connection.write(
                connection.unsentHead
                    + WireStreamPayload.opening(processID: attachment.processID, streamID: attachment.streamID))
        } catch {
            return false
        }
        return await withTaskGroup(of: Event.self) { group in
            group.addTask { await read(connection, input) }
            group.addTask { await tellEnd(connection) }
            for await event in group where event != .inputOver {
                group.cancelAll()
                return event == .told
            }
            return false
        }
    }

    /// Waits for the process's end and writes it; a shutdown writes nothing, so that the client attaches again.
    private func tellEnd(_ connection: TakenConnection) async -> Event {
        let payload: [UInt8]
        do {
            let status = try await attachment.wait()
            payload = WireStreamPayload.exit(processID: attachment.processID, status: status)
        } catch is CancellationError {
            return .gone
        } catch {
            payload = WireStreamPayload.failure(processID: attachment.processID, text: "\(error)")
        }
        if connection.isShuttingDown { return .gone }
        do { try await connection.write(payload) } catch {
            logger.debug("client left before the exit status: \(error)")
            return .gone
        }
        return .told
    }

    private func read(_ connection: TakenConnection, _ input: InputState) async -> Event {
        var stream = JSONStream(limit: Self.payloadLimit)
        do {
            for try await buffer in connection.inbound {
                for text in try stream.append(Array(buffer.readableBytesView)) {
                    guard let payload = try WireStreamPayload(text) else {
                        throw JSONError(description: "unknown payload")
                    }
                    await obey(payload, input)
                }
            }
            return input.hasEnded ? .inputOver : .gone
        } catch let error where error is JSONError || error is JSONStream.Failure {
            // As the reference server does: what is not understood ends the input, and the process goes on.
            logger.debug("unreadable payload: \(error)")
            await endInput(input)
            return .inputOver
        } catch {
            return .gone
        }
    }

    private func obey(_ payload: WireStreamPayload, _ input: InputState) async {
        do {
            switch payload {
            case .input(let bytes):
                if !input.hasEnded, !bytes.isEmpty { try await attachment.write(bytes) }
            case .endOfInput: await endInput(input)
            case .resize(let size): if let size { try await attachment.resize(size) }
            case .signal(let number): try await attachment.signal(number)
            }
        } catch {
            // A program that has closed its input, or is gone, is told by its exit status and not here.
            logger.debug("payload not delivered: \(error)", metadata: ["process": "\(attachment.processID)"])
        }
    }

    private func endInput(_ input: InputState) async {
        if input.hasEnded { return }
        input.end()
        do { try await attachment.closeInput() } catch {
            logger.debug("input not closed: \(error)", metadata: ["process": "\(attachment.processID)"])
        }
    }
}
