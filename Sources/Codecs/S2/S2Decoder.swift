/// Decodes the framed format of S2 and of Snappy: chunks with a masked CRC-32C, streams behind one another.
///
/// A chunk is read whole and its checksum compared before any of it is handed out. Repeated offsets, which S2 has and
/// Snappy has not, are taken in both.
@safe final class S2Decoder: StreamDecoder {
    private let input: Input
    // Both are made when the first chunk needs them, and are touched as far as data goes.
    private lazy var body = RawMemory(count: S2Chunk.bodyBytesMax + S2Block.slack)
    private lazy var data = RawMemory(count: S2Chunk.dataBytesMax + S2Block.slack)
    /// The part of `data` that is decoded and not handed out.
    private var ready = 0..<0
    /// The limit of the stream's kind; nil before the first identifier.
    private var dataBytesMax: Int?
    /// Where the chunk began.
    private var chunkOffset: UInt64 = 0

    init(_ input: Input) { self.input = input }

    func decode(into target: UnsafeMutableRawBufferPointer) throws -> Int {
        while ready.isEmpty {
            guard try readChunk() else { return 0 }
        }
        let count = min(ready.count, target.count)
        unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: data.bytes[ready.prefix(count)]))
        ready = ready.dropFirst(count)
        return count
    }

    /// - Returns: false at the end of the stream
    private func readChunk() throws -> Bool {
        chunkOffset = input.offset
        guard try input.require(S2Chunk.headerBytes) else {
            if input.unreadCount > 0 { throw error(.truncated, "a chunk's header has no end") }
            if dataBytesMax == nil { throw error(.truncated, "it is empty") }
            return false
        }
        let header = unsafe input.unread
        let kind = unsafe header[0]
        let length = unsafe Int(header[1]) | Int(header[2]) << 8 | Int(header[3]) << 16
        if kind == S2Chunk.identifier {
            try readIdentifier(length)
            return true
        }
        guard let dataBytesMax else { throw error(.damaged, "it does not start with an identifier") }
        input.skip(S2Chunk.headerBytes)
        switch kind {
        case S2Chunk.compressed: try readCompressed(length, dataBytesMax)
        case S2Chunk.uncompressed: try readUncompressed(length, dataBytesMax)
        case S2Chunk.skippable...: try pass(length)
        default: throw error(.unsupported, "a chunk of kind \(kind)")
        }
        return true
    }

    private func readIdentifier(_ length: Int) throws {
        let bytes = S2Chunk.s2Identifier.count
        guard length == bytes - S2Chunk.headerBytes else { throw error(.damaged, "an identifier of \(length) bytes") }
        guard try input.require(bytes) else { throw error(.truncated, "an identifier has no end") }
        let found = unsafe Array(input.unread.prefix(bytes))
        switch found {
        case S2Chunk.s2Identifier: dataBytesMax = S2Chunk.dataBytesMax
        case S2Chunk.snappyIdentifier: dataBytesMax = S2Chunk.snappyDataBytesMax
        default: throw error(.damaged, "an unknown identifier")
        }
        input.skip(bytes)
    }

    private func readCompressed(_ length: Int, _ dataBytesMax: Int) throws {
        guard (S2Chunk.checksumBytes...S2Chunk.bodyBytesMax).contains(length) else {
            throw error(.damaged, "a compressed chunk of \(length) bytes")
        }
        // Safe: within the memory, which is larger than the longest chunk.
        let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: body.bytes[..<length])
        guard unsafe try input.readAll(into: bytes) else { throw error(.truncated, "a chunk has no end") }
        let checksum = unsafe UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))
        let block = unsafe UnsafeRawBufferPointer(rebasing: bytes[S2Chunk.checksumBytes...])
        let count: Int
        do {
            count = unsafe try S2Block.decode(block, into: data.bytes, limit: dataBytesMax)
        } catch {
            throw self.error(.damaged, error.description)
        }
        try check(count, checksum)
    }

    private func readUncompressed(_ length: Int, _ dataBytesMax: Int) throws {
        let count = length - S2Chunk.checksumBytes
        guard (0...dataBytesMax).contains(count) else {
            throw error(.damaged, "an uncompressed chunk of \(length) bytes")
        }
        guard try input.require(S2Chunk.checksumBytes) else { throw error(.truncated, "a chunk has no end") }
        let checksum = unsafe UInt32(littleEndian: input.unread.loadUnaligned(as: UInt32.self))
        input.skip(S2Chunk.checksumBytes)
        let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: data.bytes[..<count])
        guard unsafe try input.readAll(into: bytes) else { throw error(.truncated, "a chunk has no end") }
        try check(count, checksum)
    }

    private func check(_ count: Int, _ checksum: UInt32) throws {
        let found = unsafe S2Chunk.checksum(of: UnsafeRawBufferPointer(rebasing: data.bytes[..<count]))
        guard found == checksum else { throw error(.checksum, "a chunk's data is not what its checksum says") }
        ready = 0..<count
    }

    private func pass(_ length: Int) throws {
        var rest = length
        while rest > 0 {
            guard try input.require(1) else { throw error(.truncated, "a chunk has no end") }
            let count = min(rest, input.unreadCount)
            input.skip(count)
            rest -= count
        }
    }

    private func error(_ kind: CodecError.Kind, _ detail: String) -> CodecError {
        CodecError(kind: kind, format: .s2, offset: kind == .truncated ? input.offset : chunkOffset, detail: detail)
    }
}
