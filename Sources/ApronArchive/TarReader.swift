import ArchiveProtocol
import CArchive
import Codecs
import Kernel

/// Reads the entries of a tar archive, of any kind of tar, by libarchive(3).
///
/// All memory that is handed out is good until the next call.
@safe final class TarReader {
    // Safe: made by archive_read_new, freed once in deinit; used by one thread.
    private let archive: OpaquePointer
    private let source: DecodingReader
    /// What the source threw inside of libarchive, which cannot carry it.
    private var sourceError: (any Error)?
    /// Nanoseconds in which the source was waited for.
    private(set) var waitedNanoseconds: UInt64 = 0
    /// Bytes that the source gave.
    private(set) var bytesRead: UInt64 = 0
    /// The end of the last byte among them that is not zero.
    private var nonZeroEnd: UInt64 = 0
    /// Whether the bytes are the archive itself, and not wrapped in a format that libarchive undoes.
    private let isPlain: Bool

    /// How libarchive says that it gives a name of pax as its bytes are. The process has the C locale, into which no name
    /// beyond ASCII can be converted, since in a UTF-8 locale names come normalised: two files might become one.
    private static let namesKept = "can't be converted from UTF-8 to current locale."

    /// - Parameter filters: undoes xz and bzip2 as well
    init(_ source: DecodingReader, filters: Bool) throws(ArchiveFault) {
        guard let archive = unsafe archive_read_new() else {
            throw ArchiveFault(.failed, "out of memory", call: "archive_read_new")
        }
        unsafe self.archive = archive
        self.source = source
        isPlain = !filters
        if filters {
            unsafe archive_read_support_filter_xz(archive)
            unsafe archive_read_support_filter_bzip2(archive)
        }
        unsafe archive_read_support_format_tar(archive)
    }

    deinit { unsafe archive_read_free(archive) }

    /// Looks at the first bytes.
    func open() throws {
        // Safe: this object outlives the archive, which is what calls back.
        let result = unsafe archive_read_open(
            archive, Unmanaged.passUnretained(self).toOpaque(), nil, readTarBytes, nil)
        if result != ARCHIVE_OK { throw failure() }
    }

    /// The next entry; nil at the end of the archive. What is wrong with it but does no harm goes to `warn`.
    func next(_ warn: (String) -> Void) throws -> TarEntry? {
        var entry: OpaquePointer?
        // Safe: the call fills the one pointer, which is good until the next call.
        let result = unsafe archive_read_next_header(archive, &entry)
        switch result {
        case ARCHIVE_EOF: return nil
        case ARCHIVE_OK, ARCHIVE_WARN:
            guard let entry = unsafe entry else { throw failure() }
            if result == ARCHIVE_WARN, !message.hasSuffix(TarReader.namesKept) { warn(message) }
            return unsafe TarEntry(entry)
        default: throw failure()
        }
    }

    /// The next part of the contents and where it belongs; nil at their end. What lies between parts is a hole.
    func nextPart() throws -> (bytes: UnsafeRawBufferPointer, offset: Int64)? {
        var (start, count, offset) = unsafe (UnsafeRawPointer?.none, 0, Int64(0))
        // Safe: the call fills the three; the memory is good until the next call.
        switch unsafe archive_read_data_block(archive, &start, &count, &offset) {
        case ARCHIVE_EOF: return nil
        case ARCHIVE_OK: return unsafe (UnsafeRawBufferPointer(start: start, count: count), offset)
        default: throw failure()
        }
    }

    /// Nanoseconds in which the source was decoded beside this thread, with its waits for more.
    var decodingNanoseconds: UInt64 { source.decodingNanoseconds }

    /// Where in the archive the last header began.
    var headerOffset: UInt64 { UInt64(clamping: unsafe archive_read_header_position(archive)) }

    /// Reads the stream to its end, which must have come: an end marker, and nothing but zeros behind it.
    func finish() throws {
        while unsafe try take() != nil {}
        guard isPlain else { return }
        // libarchive takes the end of the stream between two entries for the end of the archive.
        if bytesRead < headerOffset + 512 {
            throw ArchiveFault(.badArchive, "the archive ends without its end marker, at byte \(bytesRead)")
        }
        if nonZeroEnd > headerOffset {
            throw ArchiveFault(
                .badArchive, "something follows the end of the archive, which is at byte \(headerOffset)")
        }
    }

    /// The next bytes of the source; nil at its end.
    fileprivate func take() throws -> UnsafeRawBufferPointer? {
        let asked = bootTime()
        defer { waitedNanoseconds += bootTime() - asked }
        let bytes = unsafe try source.nextChunk()
        if unsafe bytes.isEmpty { return nil }
        // Mostly the last byte is not zero, and nothing is to be looked for.
        if let last = unsafe bytes.lastIndex(where: { $0 != 0 }) { nonZeroEnd = bytesRead + UInt64(last) + 1 }
        bytesRead += UInt64(bytes.count)
        return unsafe bytes
    }

    /// For libarchive: the error stays here.
    fileprivate func takeOrKeep() -> UnsafeRawBufferPointer?? {
        if sourceError != nil { return nil }
        do { return unsafe .some(try take()) } catch {
            sourceError = error
            return nil
        }
    }

    private var message: String {
        // Safe: a text of the archive's, or NULL.
        guard let text = unsafe archive_error_string(archive) else { return "it cannot be read" }
        return unsafe String(cString: text)
    }

    private func failure() -> any Error {
        if let sourceError { return sourceError }
        var text = message
        if let first = text.first, text.dropFirst().first?.isLowercase == true {
            text = first.lowercased() + text.dropFirst()
        }
        return ArchiveFault(.badArchive, "\(text), in the part from byte \(headerOffset) to \(bytesRead)")
    }
}

/// archive_read_callback: hands out the next bytes; 0 at the end, -1 for an error.
private func readTarBytes(
    _: OpaquePointer?, _ context: UnsafeMutableRawPointer?, _ bytes: UnsafeMutablePointer<UnsafeRawPointer?>?
) -> la_ssize_t {
    guard let context = unsafe context, let bytes = unsafe bytes else { return -1 }
    // Safe: the pointer is the reader that is being called, see open().
    let reader = unsafe Unmanaged<TarReader>.fromOpaque(context).takeUnretainedValue()
    guard let taken = unsafe reader.takeOrKeep() else { return -1 }
    unsafe bytes.pointee = taken?.baseAddress
    return unsafe taken?.count ?? 0
}
