internal import ArchiveProtocol
internal import Kernel

/// The daemon's side of the report pipe.
///
/// The other side has read a hostile archive, so nothing it says is taken for granted.
struct ArchiveReports: ~Copyable {
    /// So many texts are kept, whatever the process sends.
    private static let warningsMax = 16

    private let pipe: StandardStream
    private var parser = ArchiveRecordParser()
    private var count = ArchiveCount()
    private var warnings: [String] = []
    /// Whether the path was found and opened.
    private(set) var isReady = false
    /// The last report, once it is there.
    private(set) var result: Result<ArchiveOutcome, ArchiveFailure>?

    /// Reads from a pipe that stays open as long as this value lives.
    init(_ pipe: StandardStream) { self.pipe = pipe }

    /// So much is done up to now, as far as it was read.
    var outcome: ArchiveOutcome {
        ArchiveOutcome(
            entries: count.entries, contentBytes: count.contentBytes, encodedBytes: count.encodedBytes,
            archiveBytes: count.archiveBytes, stalledNanoseconds: count.stalledNanoseconds,
            codecNanoseconds: count.codecNanoseconds, entryNanoseconds: count.entryNanoseconds, warnings: warnings,
            warningCount: max(count.warnings, UInt64(warnings.count)))
    }

    /// Reads until the process is ready or has a result; false at the end of the pipe.
    mutating func readUntilReady() throws(KernelError) -> Bool {
        while !isReady && result == nil {
            guard try readMore() else { return false }
        }
        return true
    }

    /// Reads until there is a result; false at the end of the pipe.
    mutating func readUntilResult() throws(KernelError) -> Bool {
        while result == nil {
            guard try readMore() else { return false }
        }
        return true
    }

    private mutating func readMore() throws(KernelError) -> Bool {
        let bytes = try pipe.read(atMost: 4 * ArchiveRecord.bytesMax)
        parser.add(bytes)
        do throws(ArchiveRecordParser.Malformed) {
            while result == nil, let report = try parser.next() { take(report) }
        } catch {
            result = .failure(
                ArchiveFailure(.failed, "the archive process sent a report that makes no sense", outcome: outcome))
        }
        return !bytes.isEmpty
    }

    private mutating func take(_ report: ArchiveReport) {
        switch report {
        case .ready: isReady = true
        case .progress(let count): self.count = count
        case .warning(let text): if warnings.count < ArchiveReports.warningsMax { warnings.append(text) }
        case .done(let count):
            self.count = count
            result = .success(outcome)
        case .failed(let fault, let count):
            self.count = count
            result = .failure(ArchiveFailure(fault, outcome))
        }
    }
}

extension ArchiveFailure {
    /// A fault as the process reported it, in words.
    init(_ fault: ArchiveFault, _ outcome: ArchiveOutcome) {
        var text = fault.entry.isEmpty ? fault.text : "entry \(fault.entry): \(fault.text)"
        // Where a path is missing or of the wrong kind, no stream was looked at.
        if fault.kind != .noSuchFile, outcome.encodedBytes > 0 {
            text += " (after \(outcome.entries) entries and \(outcome.encodedBytes) bytes of the stream)"
        }
        let kind: Kind =
            switch fault.kind {
            case .badArchive: .badArchive
            case .noSuchFile: .noSuchFile
            case .noSpace: .noSpace
            case .failed: .failed
            }
        let cause =
            fault.call.isEmpty
            ? nil
            : KernelError(
                call: fault.call, errno: ErrorNumber(rawValue: fault.errno),
                subject: fault.entry.isEmpty ? nil : fault.entry)
        self.init(kind, text, cause: cause, outcome: outcome)
    }
}
