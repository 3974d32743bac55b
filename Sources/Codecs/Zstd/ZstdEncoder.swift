internal import CZstd

/// Encodes one frame of Zstandard, with a checksum of its content; the library brings its own threads.
@safe final class ZstdEncoder: StreamEncoder {
    /// What is gathered before the library is called, and the size up to which it starts no threads.
    private static let gatheredBytes = 512 << 10
    private static let outputBytes = 128 << 10

    // Safe: owned by this object; checked when it is made.
    private let context = unsafe ZSTD_createCCtx()
    private let gathered = RawMemory(count: ZstdEncoder.gatheredBytes)
    private var gatheredCount = 0
    private let output = RawMemory(count: ZstdEncoder.outputBytes)
    private var taken: UInt64 = 0

    init(level: Int, threads: Int) throws {
        guard unsafe context != nil else { throw error("no memory for the encoder") }
        try check(unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level)))
        try check(unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1))
        // A library that was built without threads refuses, and does without.
        if threads > 0 { _ = unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_nbWorkers, Int32(threads)) }
    }

    deinit { unsafe ZSTD_freeCCtx(context) }

    func write(_ bytes: UnsafeRawBufferPointer, to sink: EncodingWriter.Sink) throws {
        var rest = unsafe bytes
        while unsafe !rest.isEmpty {
            if gatheredCount == ZstdEncoder.gatheredBytes {
                unsafe try run(ZSTD_e_continue, sink)
            }
            let count = min(rest.count, ZstdEncoder.gatheredBytes - gatheredCount)
            let target = unsafe UnsafeMutableRawBufferPointer(rebasing: gathered.bytes[gatheredCount...])
            unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
            gatheredCount += count
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    func finish(to sink: EncodingWriter.Sink) throws { unsafe try run(ZSTD_e_end, sink) }

    /// Has the library take all that was gathered.
    private func run(_ directive: ZSTD_EndDirective, _ sink: EncodingWriter.Sink) throws {
        var source = unsafe ZSTD_inBuffer(src: gathered.bytes.baseAddress, size: gatheredCount, pos: 0)
        var isDone = false
        while !isDone {
            // Safe: the library reads and writes within the two buffers, whose sizes it is told; it keeps no address.
            var target = unsafe ZSTD_outBuffer(dst: output.bytes.baseAddress, size: ZstdEncoder.outputBytes, pos: 0)
            let left = unsafe ZSTD_compressStream2(context, &target, &source, directive)
            try check(left)
            isDone = unsafe directive == ZSTD_e_end ? left == 0 : source.pos == source.size
            let count = unsafe target.pos
            if count > 0 { unsafe try sink(UnsafeRawBufferPointer(rebasing: output.bytes[..<count])) }
        }
        taken += UInt64(gatheredCount)
        gatheredCount = 0
    }

    private func check(_ status: Int) throws {
        guard ZSTD_isError(status) != 0 else { return }
        throw error(unsafe String(cString: ZSTD_getErrorName(status)).lowercased())
    }

    private func error(_ detail: String) -> CodecError {
        CodecError(kind: .failed, format: .zstd, offset: taken, detail: detail)
    }
}
