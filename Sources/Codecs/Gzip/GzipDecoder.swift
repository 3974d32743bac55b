internal import CZlib

/// Decodes gzip (RFC 1952): members behind one another, headers and trailers checked.
///
/// Zero bytes behind the last member are passed over, as gzip(1) does: tapes and block devices leave them.
@safe final class GzipDecoder: StreamDecoder {
    /// ID1, ID2 and CM.
    static let signature: [UInt8] = [0x1f, 0x8b, 8]
    /// The largest window, and 16 for a gzip header and trailer around (zlib.h, inflateInit2).
    private static let windowBits: Int32 = 15 + 16

    /// What zlib's 32-bit counts hold by far.
    private static let outputBytesMax = 1 << 30

    private enum Place { case start, member, between, padding, end }

    private let input: Input
    // Safe: owned by this object; on the heap, since zlib keeps its address.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private var place = Place.start
    /// Whether the last output was full, so that there may be more without more input.
    private var mayHaveMore = false

    init(_ input: Input) {
        self.input = input
        unsafe stream.initialize(to: z_stream())
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    func decode(into target: UnsafeMutableRawBufferPointer) throws -> Int {
        var done = 0
        while done < target.count {
            switch place {
            case .start: try begin()
            case .member:
                // What is decoded goes out before the source is asked for more.
                if input.unreadCount == 0, done > 0 { return done }
                let rest = unsafe target[done...].prefix(GzipDecoder.outputBytesMax)
                done += unsafe try inflateSome(into: UnsafeMutableRawBufferPointer(rebasing: rest))
            case .between:
                if done > 0, input.unreadCount < GzipDecoder.signature.count { return done }
                try nextMember()
            case .padding: try passPadding()
            case .end: return done
            }
        }
        return done
    }

    private func begin() throws {
        guard try input.require(1) else { throw error(.truncated, "it is empty") }
        let status = unsafe inflateInit2_(
            stream, GzipDecoder.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { throw error(.failed, "inflateInit2 said \(status)") }
        place = .member
    }

    private func inflateSome(into target: UnsafeMutableRawBufferPointer) throws -> Int {
        if input.unreadCount == 0, !mayHaveMore, try !input.fill() { throw error(.truncated, "a member has no end") }
        let unread = unsafe input.unread
        // Safe: zlib reads and writes within the two buffers, whose sizes it is told; no address outlives the call.
        unsafe stream.pointee.next_in = unread.assumingMemoryBound(to: UInt8.self).baseAddress
        unsafe stream.pointee.avail_in = UInt32(unread.count)
        unsafe stream.pointee.next_out = target.assumingMemoryBound(to: UInt8.self).baseAddress
        unsafe stream.pointee.avail_out = UInt32(target.count)
        let status = unsafe inflate(stream, Z_NO_FLUSH)
        unsafe input.skip(unread.count - Int(stream.pointee.avail_in))
        let count = unsafe target.count - Int(stream.pointee.avail_out)
        mayHaveMore = unsafe stream.pointee.avail_out == 0
        switch status {
        case Z_OK: break
        // No progress without more input, of which there is none left.
        case Z_BUF_ERROR where input.unreadCount == 0: break
        case Z_STREAM_END: place = .between
        case Z_DATA_ERROR: throw dataError()
        default: throw error(.failed, "inflate said \(status)")
        }
        return count
    }

    /// What comes behind a member: another, zero bytes, or the end.
    private func nextMember() throws {
        let isComplete = try input.require(GzipDecoder.signature.count - 1)
        let bytes = unsafe input.unread
        if unsafe bytes.isEmpty {
            place = .end
        } else if unsafe bytes[0] == 0 {
            place = .padding
        } else if unsafe !GzipDecoder.signature.starts(with: bytes.prefix(2)) {
            throw error(.garbage, "neither a member nor zero bytes")
        } else if !isComplete {
            throw error(.truncated, "a header has no end")
        } else {
            unsafe inflateReset(stream)
            place = .member
        }
    }

    private func passPadding() throws {
        while try input.require(1) {
            let bytes = unsafe input.unread
            let zeros = unsafe bytes.firstIndex { $0 != 0 } ?? bytes.count
            let isAllZero = zeros == bytes.count
            input.skip(zeros)
            if !isAllZero { throw error(.garbage, "zero bytes, and then others") }
        }
        place = .end
    }

    private func dataError() -> CodecError {
        // Safe: a constant string of zlib, or NULL.
        let text = unsafe stream.pointee.msg.map { unsafe String(cString: $0) } ?? "inflate found an error"
        let sums: Set = ["incorrect data check", "incorrect length check", "header crc mismatch"]
        return error(sums.contains(text) ? .checksum : .damaged, text)
    }

    private func error(_ kind: CodecError.Kind, _ detail: String) -> CodecError {
        CodecError(kind: kind, format: .gzip, offset: input.offset, detail: detail)
    }
}
