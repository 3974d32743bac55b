internal import Kernel
internal import Worker

/// Carries one output stream of a process to a stream of ours, on a thread of its own since both may block.
struct OutputCopy: Sendable {
    /// As much as a pipe holds.
    private static let blockSize = 64 * 1024

    /// Copies until the process has ended and everything is delivered.
    ///
    /// When our stream has no reader any more, the rest is thrown away so that the process does not wait for ever, and
    /// `onBroken` is called once.
    static func copy(
        _ kind: OutputKind, of attachment: any ProcessAttachment, in handle: String, containers: any Containers,
        to output: StandardStream, onBroken: @escaping @Sendable () -> Void
    ) async throws {
        let ends = try SocketPair().release()
        let (done, finish) = AsyncStream.makeStream(of: Never.self)
        do throws(KernelError) {
            try startThread(named: "run-\(kind.rawValue)") {
                drain(Descriptor(owning: ends.near), to: output, onBroken: onBroken)
                finish.finish()
            }
        } catch {
            _ = Descriptor(owning: ends.near)
            _ = Descriptor(owning: ends.far)
            throw error
        }
        let result: Result<Void, any Error>
        do {
            // The worker closes its end when all was delivered; the thread sees the end of the stream behind the bytes.
            try await containers.stream(
                kind, of: handle, attachment.processID, streamID: attachment.streamID, to: Descriptor(owning: ends.far))
            result = .success(())
        } catch {
            result = .failure(error)
        }
        for await _ in done {}
        try result.get()
    }

    private static func drain(_ socket: consuming Descriptor, to output: StandardStream, onBroken: () -> Void) {
        let source = StandardStream(number: socket.number)
        var isBroken = false
        while let bytes = try? source.read(atMost: blockSize), !bytes.isEmpty {
            if isBroken { continue }
            do { try output.write(bytes) } catch {
                isBroken = true
                onBroken()
            }
        }
        // Not earlier: the loop knows the socket by its number only.
        _ = consume socket
    }
}
