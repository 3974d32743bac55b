internal import CZstd

/// Decodes Zstandard (RFC 8878): frames behind one another, skippable ones among them.
///
/// The frames of today's format only, though the library may know older ones. The window of a frame is limited to
/// 128 MiB, as zstd(1) does without options; the library allocates it when it has seen the frame's header, and does not
/// touch it before data comes.
@safe final class ZstdDecoder: StreamDecoder {
    /// 128 MiB.
    private static let windowLogMax: Int32 = 27
    private static let magicBytes = 4

    private let input: Input
    // Safe: owned by this object; nil when there was no memory.
    private let context = unsafe ZSTD_createDCtx()
    private var isInFrame = false
    /// Whether the last output was full, so that there may be more without more input.
    private var mayHaveMore = false
    private var frames: UInt64 = 0

    init(_ input: Input) {
        self.input = input
        unsafe ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, ZstdDecoder.windowLogMax)
    }

    deinit { unsafe ZSTD_freeDCtx(context) }

    /// Whether the four bytes that start a frame are there: its magic number, or one of the sixteen of a frame to skip.
    static func isFrame(_ bytes: some Collection<UInt8>) -> Bool {
        guard bytes.count >= magicBytes else { return false }
        let magic = bytes.prefix(magicBytes).reversed().reduce(0) { $0 << 8 | UInt32($1) }
        return magic == UInt32(ZSTD_MAGICNUMBER)
            || magic & UInt32(ZSTD_MAGIC_SKIPPABLE_MASK) == UInt32(ZSTD_MAGIC_SKIPPABLE_START)
    }

    func decode(into target: UnsafeMutableRawBufferPointer) throws -> Int {
        var done = 0
        while done < target.count {
            if !isInFrame {
                // What is decoded goes out before a source is asked for more.
                if done > 0, input.unreadCount < ZstdDecoder.magicBytes { return done }
                guard try beginFrame() else { return 0 }
            }
            if input.unreadCount == 0, done > 0 { return done }
            done += unsafe try decodeSome(into: UnsafeMutableRawBufferPointer(rebasing: target[done...]))
        }
        return done
    }

    /// - Returns: false at the end of the stream
    private func beginFrame() throws -> Bool {
        guard unsafe context != nil else { throw error(.failed, "no memory for the decoder") }
        let isComplete = try input.require(ZstdDecoder.magicBytes)
        let bytes = unsafe input.unread
        if unsafe bytes.isEmpty {
            if frames == 0 { throw error(.truncated, "it is empty") }
            return false
        }
        guard isComplete else {
            // The start of no magic number is told from an end that is missing.
            let starts: [[UInt8]] = [[0x28, 0xb5, 0x2f, 0xfd], [0x2a, 0x4d, 0x18]]
            let isStart =
                unsafe starts[0].starts(with: bytes) || bytes[0] >> 4 == 5 && starts[1].starts(with: bytes.dropFirst())
            throw isStart ? error(.truncated, "a frame has no end") : wrongMagic()
        }
        guard unsafe ZstdDecoder.isFrame(bytes) else { throw wrongMagic() }
        isInFrame = true
        return true
    }

    private func decodeSome(into target: UnsafeMutableRawBufferPointer) throws -> Int {
        if input.unreadCount == 0, !mayHaveMore, try !input.fill() { throw error(.truncated, "a frame has no end") }
        // Safe: the library reads and writes within the two buffers, whose sizes it is told; it keeps no address.
        let unread = unsafe input.unread
        var source = unsafe ZSTD_inBuffer(src: unread.baseAddress, size: unread.count, pos: 0)
        var output = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
        let status = unsafe ZSTD_decompressStream(context, &output, &source)
        unsafe input.skip(source.pos)
        if ZSTD_isError(status) != 0 { throw failure(status) }
        mayHaveMore = unsafe output.pos == output.size
        if status == 0 {
            isInFrame = false
            frames += 1
        }
        return unsafe output.pos
    }

    private func wrongMagic() -> CodecError {
        frames == 0 ? error(.damaged, "it does not start with a frame") : error(.garbage, "not a frame")
    }

    private func failure(_ status: Int) -> CodecError {
        let text = unsafe String(cString: ZSTD_getErrorName(status)).lowercased()
        return switch ZSTD_getErrorCode(status) {
        case ZSTD_error_checksum_wrong: error(.checksum, text)
        case ZSTD_error_memory_allocation: error(.failed, text)
        case ZSTD_error_frameParameter_windowTooLarge: error(.unsupported, "a window over 128 MiB")
        case ZSTD_error_dictionary_wrong: error(.unsupported, "a dictionary is needed")
        case ZSTD_error_frameParameter_unsupported, ZSTD_error_version_unsupported: error(.unsupported, text)
        default: error(.damaged, text)
        }
    }

    private func error(_ kind: CodecError.Kind, _ detail: String) -> CodecError {
        CodecError(kind: kind, format: .zstd, offset: input.offset, detail: detail)
    }
}
