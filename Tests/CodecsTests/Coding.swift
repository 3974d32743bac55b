import Codecs
import Synchronization
import TestSupport

/// Encodes bytes at one go.
/// - Parameter piece: how many are written at a time.
func encode(
    _ bytes: [UInt8], _ format: Format, level: Int? = nil, threads: Int? = nil, piece: Int = 10_240
) throws -> [UInt8] {
    var result: [UInt8] = []
    let writer = try EncodingWriter(format, level: level, threads: threads) { result += $0 }
    try bytes.withUnsafeBytes { bytes in
        for start in stride(from: 0, to: bytes.count, by: piece) {
            try writer.write(UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + piece, bytes.count)]))
        }
    }
    try writer.finish()
    return result
}

/// Decodes bytes at one go, and stops behind `limit` of them.
/// - Parameter piece: the most that the source gives at a time.
func decode(
    _ bytes: [UInt8], _ format: Format?, readsAhead: Bool = false, piece: Int = .max, limit: Int = .max
) throws -> [UInt8] {
    let reader = DecodingReader(format, readsAhead: readsAhead, source: source(of: bytes, piece: piece))
    var result: [UInt8] = []
    while result.count <= limit {
        let chunk = try reader.nextChunk()
        if chunk.isEmpty { break }
        result += chunk
    }
    return result
}

/// A source of bytes in memory.
func source(of bytes: [UInt8], piece: Int = .max) -> DecodingReader.Source {
    let place = Place()
    return { target in
        place.offset.withLock { offset in
            let count = min(target.count, piece, bytes.count - offset)
            target.copyBytes(from: bytes[offset..<offset + count])
            offset += count
            return count
        }
    }
}

private final class Place: Sendable {
    let offset = Mutex(0)
}

/// The error of a stream that cannot be decoded; nil when it can.
func fault(of bytes: [UInt8], _ format: Format?) -> CodecError? {
    do {
        _ = try decode(bytes, format)
        return nil
    } catch {
        return error as? CodecError
    }
}

/// Data to encode.
enum Sample: CaseIterable {
    case zeros, random, text

    /// The same ones for the same count in every run.
    func bytes(_ count: Int) -> [UInt8] {
        switch self {
        case .zeros: Array(repeating: 0, count: count)
        case .random: Array(Sample.noise.prefix(count))
        case .text: Array(Sample.words.prefix(count))
        }
    }

    private static let countMax = 16 << 20

    private static let noise: [UInt8] = {
        var generator = Seeded(1)
        return Array(unsafeUninitializedCapacity: countMax) { target, count in
            target.withMemoryRebound(to: UInt64.self) { words in
                for index in words.indices { words[index] = generator.next() }
            }
            count = countMax
        }
    }()

    private static let words: [UInt8] = {
        let words = ["layer", "volume", "stream", "container", " of ", " the ", "\n", "/usr/lib/", "0123456789"]
            .map { Array($0.utf8) }
        var generator = Seeded(2)
        var result: [UInt8] = []
        result.reserveCapacity(countMax)
        while result.count < countMax - 16 {
            let number = generator.next()
            result += words[Int(number % UInt64(words.count))]
            if number >> 60 == 0 { result.append(UInt8(truncatingIfNeeded: number >> 32)) }
        }
        return result + Array(repeating: 0, count: countMax - result.count)
    }()
}
