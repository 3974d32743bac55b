internal import Kernel
internal import NIOCore
internal import Worker

/// An archive of a volume on its way out; its first bytes are there.
struct ArchiveDownload: Sendable {
    private let transfer: any ArchiveTransfer
    private let pipe: PipeReader
    private let first: [ByteBuffer]
    private let firstByteNanoseconds: UInt64

    /// Opens the transfer's pipe and waits for the first bytes, so that most failures come before the reply does.
    /// Ends the transfer when it throws.
    static func begin(_ transfer: any ArchiveTransfer) async throws -> ArchiveDownload {
        let start = bootTime()
        do {
            let pipe = try await PipeReader.open(try transfer.takeDescriptor())
            let first = try await pipe.next()
            if let first {
                return ArchiveDownload(
                    transfer: transfer, pipe: pipe, first: first, firstByteNanoseconds: bootTime() - start)
            }
            await pipe.close()
        } catch {
            await transfer.cancel(VolumeError(.failed, "the archiver's pipe cannot be read: \(error)"))
            throw error
        }
        _ = try await transfer.finish(TransferStatistics())
        throw VolumeError(.failed, "the archive is empty")
    }

    /// Hands all bytes to `write`, each time waiting for it, and then asks whether that was all. Ends the transfer in
    /// any case.
    /// - Throws: ``Undelivered`` when `write` failed; what went wrong with the archive otherwise
    @discardableResult
    func send(_ write: @Sendable ([ByteBuffer]) async throws -> Void) async throws -> TransferStatistics {
        var statistics = TransferStatistics()
        statistics.firstByteNanoseconds = firstByteNanoseconds
        do {
            var next: [ByteBuffer]? = first
            while let buffers = next {
                let start = bootTime()
                do { try await write(buffers) } catch { throw Undelivered(cause: error) }
                statistics.stalledNanoseconds += bootTime() - start
                statistics.encodedBytes += UInt64(buffers.reduce(0) { $0 + $1.readableBytes })
                next = try await pipe.next()
            }
        } catch {
            await abandon("receiver has gone after \(statistics.encodedBytes) bytes: \(error)")
            throw error
        }
        await pipe.close()
        _ = try await transfer.finish(statistics)
        return statistics
    }

    /// Gives the archive up.
    func abandon(_ reason: String) async {
        await transfer.cancel(VolumeError(.failed, reason))
        await pipe.close()
    }

    /// The receiver takes no more.
    struct Undelivered: Error, CustomStringConvertible {
        let cause: any Error
        var description: String { "\(cause)" }
    }
}
