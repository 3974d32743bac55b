/// Cuts a stream of bytes into JSON objects that follow each other without any separator, however they are split.
///
/// It only counts brackets; whether a value is well formed is for ``JSONParser`` to say.
struct JSONStream {
    /// Why the stream can go no further.
    enum Failure: Error, Hashable {
        /// Something other than an object begins at the top level.
        case notAnObject
        /// A value grew beyond the limit, in bytes.
        case tooLarge(Int)
    }

    private let limit: Int
    private var pending: [UInt8] = []
    private var depth = 0
    private var isInString = false
    private var isEscaped = false

    /// Accepts values of at most `limit` bytes.
    init(limit: Int) { self.limit = limit }

    /// Whether bytes of an unfinished value are held.
    var isInsideValue: Bool { !pending.isEmpty }

    /// Takes the next bytes and answers the texts of the values that are now complete.
    mutating func append(_ bytes: [UInt8]) throws(Failure) -> [[UInt8]] {
        var values: [[UInt8]] = []
        var start = 0
        for (index, byte) in bytes.enumerated() {
            if depth == 0 {
                switch byte {
                case 0x20, 0x09, 0x0A, 0x0D:
                    start = index + 1
                    continue
                case UInt8(ascii: "{"): break
                default: throw .notAnObject
                }
            }
            guard isEnd(byte) else { continue }
            guard pending.count + index + 1 - start <= limit else { throw .tooLarge(limit) }
            pending.append(contentsOf: bytes[start...index])
            start = index + 1
            values.append(pending)
            pending = []
        }
        pending.append(contentsOf: bytes[start...])
        guard pending.count <= limit else { throw .tooLarge(limit) }
        return values
    }

    /// Moves on by one byte of a value; true at the value's last.
    private mutating func isEnd(_ byte: UInt8) -> Bool {
        if isInString {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
            }
            return false
        }
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            depth -= 1
            return depth == 0
        default: break
        }
        return false
    }
}
