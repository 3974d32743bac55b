internal import Worker

/// How many bytes of an archive its sender allows; encoded bytes, as they come over the wire.
struct StreamLimit {
    /// The most bytes that may come.
    let bytes: UInt64
    private let mebibytes: Double

    private static let mebibyte = 1_048_576.0

    /// Reads the query parameter, a decimal number of MiB; nil is no limit, and so is zero.
    static func parse(_ text: String?) throws(RefusedRequest) -> StreamLimit? {
        guard let text else { return nil }
        guard let mebibytes = Double(text), mebibytes >= 0 else {
            throw .bad("invalid limit \(text)", isWhole: true)
        }
        // Beyond 2^63 bytes is beyond everything.
        if mebibytes == 0 || mebibytes * mebibyte >= 0x1p63 { return nil }
        return StreamLimit(bytes: UInt64(mebibytes * mebibyte), mebibytes: mebibytes)
    }

    /// What a sender of too much is told, in the words that clients know.
    var error: VolumeError {
        let limit = mebibytes < 1 ? "\(bytes)B" : "\(UInt64(mebibytes))MB"
        return VolumeError(.limitExceeded, "exceeded volume streaming limit of \(limit)")
    }
}
