internal import Kernel
internal import Synchronization

/// Decodes a stream, in constant memory, for one consumer that pulls.
///
/// Decoding runs ahead of the consumer on a thread of its own, at most ``ReadAhead/slots`` chunks, so that inflating
/// and unpacking overlap and a slow consumer slows the source. The source is called on that thread; a raw stream has
/// none, nor has one that the system gives no thread. Everything that was decoded before an error is handed out before
/// the error is thrown, and an error is thrown again by every call that follows.
///
/// A consumer that knows its own end, as one of tar does, calls ``drain(limit:)`` behind it: only the end of the stream
/// tells that it is whole.
///
/// Not for several threads at a time.
@safe public final class DecodingReader {
    /// Fills a part of the buffer, at least one byte, and returns how many; 0 at the end. May block.
    public typealias Source = @Sendable (UnsafeMutableRawBufferPointer) throws -> Int

    private enum Mode {
        case direct(any StreamDecoder)
        case ahead(ReadAhead)
    }

    private let mode: Mode
    /// What chunks are decoded into without a thread; made when it is needed.
    private lazy var chunk = RawMemory(count: ReadAhead.slotBytes)
    /// The part of the last chunk that ``read(into:)`` has not handed out.
    private var unread = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    private var end: Result<Void, any Error>?
    private var isCancelled = false

    /// Begins to decode.
    /// - Parameters:
    ///   - format: nil to tell it by the first bytes, which takes what is none of the others for raw.
    ///   - readsAhead: whether to decode on a thread of its own.
    public init(_ format: Format?, readsAhead: Bool = true, source: @escaping Source) {
        if readsAhead, format != .raw, let ahead = try? unsafe ReadAhead(format, source: source) {
            mode = .ahead(ahead)
        } else {
            mode = .direct(unsafe makeDecoder(format, source: source))
        }
    }

    deinit { cancel() }

    /// Nanoseconds that the thread of its own has spent on decoding and in the source; 0 where there is no thread.
    public var decodingNanoseconds: UInt64 {
        guard case .ahead(let ahead) = mode else { return 0 }
        return ahead.nanoseconds.load(ordering: .relaxed)
    }

    /// Decodes into a part of `target`, which must not be empty: at least one byte, or none at the end.
    /// - Throws: ``CodecError``, or what the source threw
    public func read(into target: UnsafeMutableRawBufferPointer) throws -> Int {
        if unsafe unread.isEmpty {
            if end == nil, case .direct(let decoder) = mode {
                return try noting { unsafe try decoder.decode(into: target) }
            }
            unsafe unread = try nextChunk()
        }
        let count = unsafe min(unread.count, target.count)
        unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: unread[..<count]))
        unsafe unread = UnsafeRawBufferPointer(rebasing: unread[count...])
        return count
    }

    /// The next decoded bytes, without copying them; empty at the end. They are good until the next call.
    /// - Throws: ``CodecError``, or what the source threw
    public func nextChunk() throws -> UnsafeRawBufferPointer {
        precondition(!isCancelled, "a stream was read after it was cancelled")
        if unsafe !unread.isEmpty {
            defer { unsafe unread = UnsafeRawBufferPointer(start: nil, count: 0) }
            return unsafe unread
        }
        if let end {
            try end.get()
            return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        }
        var bytes = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        _ = try noting {
            switch mode {
            case .direct(let decoder):
                let count = unsafe try decoder.decode(into: chunk.bytes)
                unsafe bytes = UnsafeRawBufferPointer(rebasing: chunk.bytes[..<count])
            case .ahead(let ahead):
                unsafe bytes = try ahead.next()
            }
            return bytes.count
        }
        return unsafe bytes
    }

    /// Reads to the end of the stream and counts the bytes; stops behind `limit` of them.
    /// - Throws: ``CodecError``, or what the source threw
    @discardableResult
    public func drain(limit: UInt64 = .max) throws -> UInt64 {
        var total: UInt64 = 0
        while total <= limit {
            let count = unsafe try nextChunk().count
            if count == 0 { break }
            total += UInt64(count)
        }
        return total
    }

    /// Has the thread end as soon as its source returns, as when the reader goes. Nothing can be read afterwards.
    public func cancel() {
        isCancelled = true
        guard case .ahead(let ahead) = mode else { return }
        ahead.cancel()
    }

    /// Runs `body`, and remembers the end of the stream or the error that it comes to.
    private func noting(_ body: () throws -> Int) throws -> Int {
        do {
            let count = try body()
            if count == 0 { end = .success(()) }
            return count
        } catch {
            end = .failure(error)
            throw error
        }
    }
}
