/// Reports as bytes: a length of two bytes, a tag, and fields; all numbers least byte first.
public enum ArchiveRecord {
    /// No record is longer: a write of so much to a pipe is not torn (PIPE_BUF, pipe(7)).
    public static let bytesMax = 4096
    /// Longer texts are cut: a name of the archive may have any length.
    static let textBytesMax = 1024

    private enum Tag: UInt8 { case ready, progress, warning, done, failed }

    /// The bytes of a report.
    public static func encode(_ report: ArchiveReport) -> [UInt8] {
        var writer = Writer()
        switch report {
        case .ready: writer.put(Tag.ready.rawValue)
        case .progress(let count):
            writer.put(Tag.progress.rawValue)
            writer.put(count)
        case .warning(let text):
            writer.put(Tag.warning.rawValue)
            writer.put(text)
        case .done(let count):
            writer.put(Tag.done.rawValue)
            writer.put(count)
        case .failed(let fault, let count):
            writer.put(Tag.failed.rawValue)
            writer.put(fault.kind.rawValue)
            for text in [fault.text, fault.entry, fault.call] { writer.put(text) }
            writer.put(UInt64(UInt32(bitPattern: fault.errno)))
            writer.put(count)
        }
        let bytes = writer.bytes
        precondition(bytes.count + 2 <= bytesMax)
        return [UInt8(truncatingIfNeeded: bytes.count), UInt8(truncatingIfNeeded: bytes.count >> 8)] + bytes
    }

    /// The report of a record without its length; nil when it is none.
    static func decode(_ bytes: ArraySlice<UInt8>) -> ArchiveReport? {
        var reader = Reader(rest: bytes)
        guard let tag = reader.byte().flatMap(Tag.init) else { return nil }
        let report: ArchiveReport?
        switch tag {
        case .ready: report = .ready
        case .progress: report = reader.count().map(ArchiveReport.progress)
        case .warning: report = reader.text().map(ArchiveReport.warning)
        case .done: report = reader.count().map(ArchiveReport.done)
        case .failed:
            guard let kind = reader.byte().flatMap(ArchiveFault.Kind.init), let text = reader.text(),
                let entry = reader.text(), let call = reader.text(), let errno = reader.number(),
                let count = reader.count()
            else { return nil }
            let fault = ArchiveFault(
                kind, text, entry: entry, call: call, errno: Int32(truncatingIfNeeded: errno))
            report = .failed(fault, count)
        }
        return reader.rest.isEmpty ? report : nil
    }

    private struct Writer {
        var bytes: [UInt8] = []

        mutating func put(_ byte: UInt8) { bytes.append(byte) }

        mutating func put(_ number: UInt64) {
            for place in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * place))) }
        }

        mutating func put(_ text: String) {
            // Names of an archive go into log lines and answers: no control characters, and not too many bytes.
            let clean = text.unicodeScalars.lazy.map { $0.value < 32 || $0.value == 127 ? "?" : $0 }
            var utf8: [UInt8] = []
            for scalar in clean {
                let next = UTF8.encode(scalar) ?? UTF8.EncodedScalar()
                if utf8.count + next.count > textBytesMax { break }
                utf8.append(contentsOf: next)
            }
            put(UInt8(truncatingIfNeeded: utf8.count))
            put(UInt8(truncatingIfNeeded: utf8.count >> 8))
            bytes.append(contentsOf: utf8)
        }

        mutating func put(_ count: ArchiveCount) {
            put(count.entries)
            put(count.contentBytes)
            put(count.encodedBytes)
            put(count.archiveBytes)
            put(count.warnings)
            put(count.stalledNanoseconds)
            put(count.codecNanoseconds)
            put(count.entryNanoseconds)
        }
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func byte() -> UInt8? { rest.popFirst() }

        mutating func number() -> UInt64? {
            guard rest.count >= 8 else { return nil }
            defer { rest = rest.dropFirst(8) }
            return rest.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }

        mutating func text() -> String? {
            guard let low = byte(), let high = byte() else { return nil }
            let length = Int(low) | Int(high) << 8
            guard length <= textBytesMax, rest.count >= length else { return nil }
            defer { rest = rest.dropFirst(length) }
            let text = String(decoding: rest.prefix(length), as: UTF8.self)
            // What the process should have cleaned; one that was taken over did not.
            return String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 32 ? "?" : $0 }))
        }

        mutating func count() -> ArchiveCount? {
            var count = ArchiveCount()
            guard let entries = number(), let content = number(), let encoded = number(), let archive = number(),
                let warnings = number(), let stalled = number(), let codec = number(), let entry = number()
            else { return nil }
            (count.entries, count.contentBytes, count.encodedBytes) = (entries, content, encoded)
            (count.archiveBytes, count.warnings, count.stalledNanoseconds) = (archive, warnings, stalled)
            (count.codecNanoseconds, count.entryNanoseconds) = (codec, entry)
            return count
        }
    }
}

/// Cuts a stream of bytes into records.
public struct ArchiveRecordParser: Sendable {
    /// The stream is no stream of records.
    public struct Malformed: Error {
        /// Nothing is known about it.
        public init() {}
    }

    private var pending: [UInt8] = []

    /// Begins with nothing.
    public init() {}

    /// Adds bytes that were read.
    public mutating func add(_ bytes: some Collection<UInt8>) { pending.append(contentsOf: bytes) }

    /// Takes the next report; nil when it is not there yet.
    public mutating func next() throws(Malformed) -> ArchiveReport? {
        guard pending.count >= 2 else { return nil }
        let length = Int(pending[0]) | Int(pending[1]) << 8
        guard length > 0, length + 2 <= ArchiveRecord.bytesMax else { throw Malformed() }
        guard pending.count >= length + 2 else { return nil }
        guard let report = ArchiveRecord.decode(pending[2..<(length + 2)]) else { throw Malformed() }
        pending.removeFirst(length + 2)
        return report
    }
}
