/// Finds where one HTTP/1.1 request ends in a stream of bytes, without judging whether it is a good one.
///
/// The HTTP decoder consumes whatever it is given, so bytes behind a request that takes the connection over would be
/// read as the next request. This counts along (RFC 9112, sections 2 and 6 to 7.1) so that they can be held back.
struct RequestFraming {
    private enum State {
        /// In the request line and the header fields.
        case head
        /// So many bytes of the body are to come.
        case body(Int)
        /// In the line with a chunk's size.
        case chunkSize
        /// So many bytes of the chunk and its line end are to come.
        case chunk(Int)
        /// In the lines after the last chunk.
        case trailer
        /// All bytes of the request have been seen.
        case complete
        /// Not understood: everything goes to the decoder, which will refuse it.
        case lost
    }

    /// Longest line that is looked at; the decoder's own limit on a header field is 80 KiB.
    private static let maximumLine = 96 * 1024

    private var state = State.head
    private var line: [UInt8] = []
    private var isFirstLine = true
    private var contentLength = 0
    private var isChunked = false

    /// Whether the request has ended.
    var isComplete: Bool {
        if case .complete = state { true } else { false }
    }

    /// Counts bytes; answers how many of them belong to the request.
    mutating func consume(_ bytes: some RandomAccessCollection<UInt8>) -> Int {
        var index = bytes.startIndex
        while index < bytes.endIndex {
            switch state {
            case .complete: return bytes.distance(from: bytes.startIndex, to: index)
            case .lost: return bytes.count
            case .body(let left):
                let step = min(left, bytes.distance(from: index, to: bytes.endIndex))
                index = bytes.index(index, offsetBy: step)
                state = left == step ? .complete : .body(left - step)
            case .chunk(let left):
                let step = min(left, bytes.distance(from: index, to: bytes.endIndex))
                index = bytes.index(index, offsetBy: step)
                state = left == step ? .chunkSize : .chunk(left - step)
            case .head, .chunkSize, .trailer:
                let end = bytes[index...].firstIndex(of: 0x0A) ?? bytes.endIndex
                line.append(contentsOf: bytes[index..<end])
                guard line.count <= Self.maximumLine else {
                    state = .lost
                    continue
                }
                guard end < bytes.endIndex else { return bytes.count }
                index = bytes.index(after: end)
                endLine()
            }
        }
        return bytes.count
    }

    private mutating func endLine() {
        if line.last == 0x0D { line.removeLast() }
        defer { line.removeAll(keepingCapacity: true) }
        switch state {
        case .head where line.isEmpty && isFirstLine: break  // Blank lines before a request are ignored (section 2.2).
        case .head where line.isEmpty:
            state = isChunked ? .chunkSize : contentLength > 0 ? .body(contentLength) : .complete
        case .head where isFirstLine: isFirstLine = false
        case .head: readField()
        case .chunkSize:
            let digits = line.prefix { $0 != UInt8(ascii: ";") && $0 != 0x20 && $0 != 0x09 }
            guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 16), size >= 0, size < Int.max - 2
            else {
                state = .lost
                return
            }
            state = size == 0 ? .trailer : .chunk(size + 2)
        case .trailer where line.isEmpty: state = .complete
        default: break
        }
    }

    private mutating func readField() {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return }
        // Only two names matter, both of 14 or 17 letters; the rest are not worth a String.
        guard colon == 14 || colon == 17 else { return }
        let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
        let value = String(decoding: line[(colon + 1)...].filter { $0 != 0x20 && $0 != 0x09 }, as: UTF8.self)
        if name == "content-length" {
            contentLength = Int(value) ?? 0
        } else if name == "transfer-encoding" {
            isChunked = value.lowercased().hasSuffix("chunked")
        }
    }
}
