internal import Kernel
internal import NIOCore
internal import Worker

/// The body of a request on its way into a volume.
struct ArchiveUpload {
    let transfer: any ArchiveTransfer
    let limit: StreamLimit?

    /// Why the body was not read to its end.
    private enum Stop: Error {
        /// Nobody reads the pipe any more.
        case pipeClosed
    }

    /// Passes the body on until it ends, and waits until the volume has everything. Ends the transfer in any case.
    /// - Returns: what became of it, and whether the body was read to its end
    func run(_ exchange: Exchange) async throws -> (report: ArchiveReport, isWhole: Bool) {
        let start = bootTime()
        var statistics = TransferStatistics()
        var pipe: PipeWriter
        do { pipe = try await PipeWriter.open(try transfer.takeDescriptor()) } catch {
            await transfer.cancel(VolumeError(.failed, "the pipe to the archiver cannot be used: \(error)"))
            throw error
        }
        var isWhole = true
        do {
            try await pump(exchange, &pipe, since: start, &statistics)
        } catch Stop.pipeClosed {
            // Ended early, because of what it read: it says what that was.
            isWhole = false
        } catch {
            let reason = Self.reason(error, after: statistics)
            // Before the pipe is closed, lest its end be taken for the archive's.
            await transfer.cancel(reason)
            await pipe.close()
            throw error is CancellationError ? error : reason
        }
        await pipe.close()
        return (try await transfer.finish(statistics), isWhole)
    }

    private func pump(
        _ exchange: Exchange, _ pipe: inout PipeWriter, since start: UInt64, _ statistics: inout TransferStatistics
    ) async throws {
        var body = exchange.request.body.makeAsyncIterator()
        while true {
            let asked = bootTime()
            let buffer = try await body.next()
            let now = bootTime()
            statistics.stalledNanoseconds += now - asked
            guard let buffer else { break }
            if statistics.encodedBytes == 0 { statistics.firstByteNanoseconds = now - start }
            statistics.encodedBytes += UInt64(buffer.readableBytes)
            if let limit, statistics.encodedBytes > limit.bytes { throw limit.error }
            do { try await pipe.write(buffer) } catch { throw try Self.stop() }
        }
        do { try await pipe.flush() } catch { throw try Self.stop() }
    }

    /// What a pipe means that takes no more.
    private static func stop() throws -> Stop {
        try Task.checkCancellation()
        return .pipeClosed
    }

    private static func reason(_ error: any Error, after statistics: TransferStatistics) -> VolumeError {
        switch error {
        case let error as VolumeError: error
        case is CancellationError: VolumeError(.unavailable, "the worker is shutting down")
        default: VolumeError(.failed, "client has gone after \(statistics.encodedBytes) bytes: \(error)")
        }
    }
}
