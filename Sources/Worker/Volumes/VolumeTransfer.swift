internal import Kernel
internal import Storage
internal import Synchronization
internal import Telemetry

/// An archive on its way: the process that packs or unpacks it, the use of the volume, and the span.
final class VolumeTransfer: ArchiveTransfer {
    enum Direction: String, Sendable {
        case `in`
        case out
    }

    private let direction: Direction
    private let encoding: ArchiveEncoding
    private let handle: String
    private let store: VolumeStore
    private let spans: OpenSpanFiles
    private let user: VolumeUser
    private let process: ArchiveProcess
    private let span: OpenSpan
    private let around: OpenSpan?
    private let hasEnded = Mutex(false)

    /// Takes over a process that runs, a use of a volume, and an open span with what is kept with it.
    init(
        _ direction: Direction, _ encoding: ArchiveEncoding, of handle: String, _ process: ArchiveProcess,
        _ facilities: VolumeFacilities, user: VolumeUser, span: OpenSpan, around: OpenSpan?
    ) {
        self.direction = direction
        self.encoding = encoding
        self.handle = handle
        self.process = process
        store = facilities.store
        spans = facilities.spans
        self.user = user
        self.span = span
        self.around = around
    }

    deinit {
        if hasEnded.withLock({ $0 }) { return }
        // Nobody ended it: what it holds must go all the same, in its order.
        let (process, store, spans, user, span, around) = (process, store, spans, user, span, around)
        Task(executorPreference: BlockingExecutor.shared) {
            process.kill()
            _ = try? process.wait()
            store.release(user)
            span.status(.error("Abandoned", "nobody ended the transfer"))
            spans.end(span, around: around)
        }
    }

    func takeDescriptor() throws -> Descriptor {
        guard let pipe = process.takePipe() else {
            throw VolumeError(.failed, "the archive's pipe has been taken already", handle: handle)
        }
        return pipe
    }

    func finish(_ statistics: TransferStatistics) async throws -> ArchiveReport {
        guard begin() else { throw VolumeError(.failed, "the transfer has ended already", handle: handle) }
        return try await BlockingExecutor.run {
            defer { self.end() }
            self.describe(statistics)
            do {
                let outcome = try self.process.wait()
                try self.describe(outcome)
                var report = ArchiveReport()
                report.entries = outcome.entries
                report.contentBytes = outcome.contentBytes
                report.warnings = outcome.warnings
                return report
            } catch {
                let failure = VolumeError(error, volume: self.handle)
                self.span.fail(failure)
                if let outcome = (error as? ArchiveFailure)?.outcome { try self.describe(outcome, failure) }
                throw failure
            }
        }
    }

    func cancel(_ reason: VolumeError) async {
        guard begin() else { return }
        await BlockingExecutor.run {
            defer { self.end() }
            self.process.kill()
            _ = try? self.process.wait()
            self.span.set("apron.transfer.cancelled", reason.message)
            switch self.direction {
            case .in: self.span.fail(reason)
            // Clients read the first file of an archive and go: that is how they fetch one.
            case .out: self.span.event("client_disconnected")
            }
        }
    }

    // MARK: the span

    private func describe(_ statistics: TransferStatistics) {
        span.set {
            $0.set("apron.archive.encoded_bytes", statistics.encodedBytes)
            $0.set("apron.transfer.first_byte", Double(statistics.firstByteNanoseconds) / 1e9)
            $0.set("apron.transfer.stalled", Double(statistics.stalledNanoseconds) / 1e9)
        }
    }

    /// The two sides of the process ran at the same time, as long as it did; how long each had work to do, it says.
    /// - Parameter failure: why it ended early
    /// - Throws: what the fault plan has for one of the sides
    private func describe(_ outcome: ArchiveOutcome, _ failure: VolumeError? = nil) throws {
        span.set {
            $0.set("apron.archive.entries", outcome.entries)
            $0.set("apron.archive.bytes", outcome.contentBytes)
        }
        if !outcome.warnings.isEmpty { span.set("apron.archive.warnings", outcome.warnings) }
        let (archive, codec): (Phase, Phase) = direction == .in ? (.untar, .decompress) : (.tar, .compress)
        if encoding != .raw {
            try describe(
                codec, nil,
                [
                    Attribute("apron.archive.encoding", .string(encoding.rawValue)),
                    Attribute("apron.archive.encoded_bytes", .int(Int64(clamping: outcome.encodedBytes))),
                    Attribute("apron.archive.decoded_bytes", .int(Int64(clamping: outcome.archiveBytes))),
                    Attribute("apron.archive.busy", .double(Double(outcome.codecNanoseconds) / 1e9)),
                ])
        }
        try describe(
            archive, failure,
            [
                Attribute("apron.archive.entries", .int(Int64(clamping: outcome.entries))),
                Attribute("apron.archive.bytes", .int(Int64(clamping: outcome.contentBytes))),
                Attribute("apron.archive.warning_count", .int(Int64(clamping: outcome.warningCount))),
                Attribute("apron.archive.busy", .double(Double(outcome.entryNanoseconds) / 1e9)),
                Attribute("apron.transfer.waited", .double(Double(outcome.stalledNanoseconds) / 1e9)),
            ])
    }

    /// Records one side of the process.
    private func describe(_ phase: Phase, _ failure: VolumeError?, _ attributes: [Attribute]) throws {
        let side = Telemetry.start(phase, parent: span.context, start: process.startedAt, attributes: attributes)
        defer { side.end() }
        if let failure {
            side.fail(failure)
            if failure.cause == nil { side.status(.error(failure.kind.rawValue, failure.message)) }
            return
        }
        do { try FaultPlan.strike(phase) } catch {
            side.fail(error)
            throw error
        }
    }

    private func begin() -> Bool {
        hasEnded.withLock { hasEnded in
            defer { hasEnded = true }
            return !hasEnded
        }
    }

    private func end() {
        store.release(user)
        spans.end(span, around: around)
    }
}
