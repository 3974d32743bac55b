/// The encoded bytes of a source, with a little of what is to come and the offset of each.
@safe final class Input {
    /// How much is asked of the source at a time: a pipe of the usual capacity, twice.
    static let bytes = 128 << 10

    private let source: DecodingReader.Source
    private let memory = RawMemory(count: Input.bytes)
    private var start = 0
    private var end = 0
    private var isAtEnd = false
    /// Where in the stream the first unread byte is.
    private(set) var offset: UInt64 = 0

    init(_ source: @escaping DecodingReader.Source) { unsafe self.source = source }

    /// What was taken from the source and not used yet. Good until the next call.
    var unread: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(rebasing: memory.bytes[start..<end])
    }

    var unreadCount: Int { end - start }

    /// Takes `count` bytes of ``unread`` as used.
    func skip(_ count: Int) {
        precondition(count <= unreadCount)
        start += count
        offset += UInt64(count)
    }

    /// Takes more bytes from the source, when there is room for them.
    /// - Returns: false at the end
    func fill() throws -> Bool {
        if isAtEnd { return false }
        if start > 0 {
            let rest = unreadCount
            unsafe memory.bytes.copyMemory(from: UnsafeRawBufferPointer(unread))
            (start, end) = (0, rest)
        }
        let count = unsafe try take(UnsafeMutableRawBufferPointer(rebasing: memory.bytes[end...]))
        end += count
        return count > 0
    }

    /// Sees that at least `count` bytes are unread, which must be few.
    /// - Returns: false when the stream ends before
    func require(_ count: Int) throws -> Bool {
        while unreadCount < count {
            guard try fill() else { return false }
        }
        return true
    }

    /// Moves bytes into `target`: at least one, or none at the end.
    func read(into target: UnsafeMutableRawBufferPointer) throws -> Int {
        if unreadCount == 0 {
            let count = unsafe try take(target)
            offset += UInt64(count)
            return count
        }
        let count = min(unreadCount, target.count)
        unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: unread[..<count]))
        skip(count)
        return count
    }

    /// Fills `target`.
    /// - Returns: false when the stream ends before
    func readAll(into target: UnsafeMutableRawBufferPointer) throws -> Bool {
        var done = 0
        while done < target.count {
            let count = unsafe try read(into: UnsafeMutableRawBufferPointer(rebasing: target[done...]))
            if count == 0 { return false }
            done += count
        }
        return true
    }

    private func take(_ target: UnsafeMutableRawBufferPointer) throws -> Int {
        if isAtEnd { return 0 }
        let count = unsafe try source(target)
        precondition((0...target.count).contains(count), "a source returned more than it was asked for")
        if count == 0 { isAtEnd = true }
        return count
    }
}
