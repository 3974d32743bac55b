/// Lays a plan or program out as InitProtocol.h describes it: a header of fixed fields, arrays, and NUL-terminated texts
/// that fields refer to by offset.
struct DocumentWriter {
    private(set) var bytes: [UInt8] = []
    private var texts: [String: UInt32] = [:]

    init(reserving count: Int = 4096) { bytes.reserveCapacity(count) }

    /// The offset at which the next thing lands.
    var offset: UInt32 { UInt32(bytes.count) }

    /// Appends an integer in the host's byte order, which is little-endian on every architecture Apron is built for.
    mutating func append<Value: FixedWidthInteger>(_ value: Value) {
        var rest = value
        for _ in 0..<Value.bitWidth / 8 {
            bytes.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    /// Leaves room for `count` bytes to be filled later.
    mutating func reserve(_ count: Int) { bytes.append(contentsOf: repeatElement(0, count: count)) }

    /// Replaces the bytes at `offset` by another writer's.
    mutating func fill(at offset: Int, with other: DocumentWriter) {
        bytes.replaceSubrange(offset..<offset + other.bytes.count, with: other.bytes)
    }

    /// Appends a text, once however often it is asked for, and gives its offset. A NUL ends it early.
    mutating func text(_ text: String) -> UInt32 {
        if let known = texts[text] { return known }
        let offset = offset
        // Whole texts are copied at once, parts of them byte by byte.
        if let end = text.utf8.firstIndex(of: 0) {
            bytes.append(contentsOf: text.utf8[..<end])
        } else {
            bytes.append(contentsOf: text.utf8)
        }
        bytes.append(0)
        texts[text] = offset
        return offset
    }

    /// Appends raw bytes at a multiple of eight and gives their offset.
    mutating func data(_ data: [UInt8]) -> UInt32 {
        align()
        let offset = offset
        bytes.append(contentsOf: data)
        return offset
    }

    /// Appends texts and an array of their offsets, and gives the array's offset.
    mutating func array(of values: [String]) -> UInt32 {
        let offsets = values.map { text($0) }
        align()
        let offset = offset
        for value in offsets { append(value) }
        return offset
    }

    /// The document: process 1 relies on the final NUL.
    consuming func finished() -> [UInt8] {
        bytes.append(0)
        return bytes
    }

    private mutating func align() {
        while bytes.count % 8 != 0 { bytes.append(0) }
    }
}
