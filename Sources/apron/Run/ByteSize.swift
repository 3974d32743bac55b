/// A number of bytes as people write it: `512M`, `1.5GiB`, `4096`.
struct ByteSize: Sendable, Hashable {
    /// Bytes.
    let bytes: UInt64

    /// Powers of 1024 for all suffixes, as the memory options of other container tools have it.
    private static let shifts: [Character: UInt64] = ["K": 10, "M": 20, "G": 30, "T": 40]

    /// Reads a size; nil for anything else, zero and sizes beyond 2⁶³ included.
    init?(_ text: String) {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let suffix = text[number.endIndex...].uppercased()
        let multiplier: UInt64
        if suffix.isEmpty || suffix == "B" {
            multiplier = 1
        } else if let shift = suffix.first.flatMap({ Self.shifts[$0] }), ["", "B", "IB"].contains(suffix.dropFirst()) {
            multiplier = 1 << shift
        } else {
            return nil
        }
        if let whole = UInt64(number) {
            let (product, overflow) = whole.multipliedReportingOverflow(by: multiplier)
            guard !overflow, product > 0, product <= UInt64(Int64.max) else { return nil }
            bytes = product
        } else {
            guard let fraction = Double(number), fraction.isFinite else { return nil }
            let product = fraction * Double(multiplier)
            guard product >= 1, product < Double(Int64.max) else { return nil }
            bytes = UInt64(product)
        }
    }
}
