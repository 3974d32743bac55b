/// Compresses a few bytes at once, where no stream is at hand.
public enum GzipBytes {
    /// The bytes as one gzip member, compressed on the calling thread.
    /// - Throws: ``CodecError`` when there is no memory for the coder
    public static func compress(_ bytes: [UInt8]) throws -> [UInt8] {
        var compressed: [UInt8] = []
        let writer = unsafe try EncodingWriter(.gzip, threads: 0) { unsafe compressed.append(contentsOf: $0) }
        // Safe: the array lives for the call, and the sink copies.
        try unsafe bytes.withUnsafeBytes { unsafe try writer.write($0) }
        try writer.finish()
        return compressed
    }
}
