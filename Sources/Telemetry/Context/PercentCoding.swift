/// Bytes written as `%` and two hexadecimal digits (RFC 3986 §2.1).
public enum PercentCoding {
    /// The text that percent-encoded UTF-8 stands for. Plus signs stay what they are.
    /// - Parameters:
    ///   - bytes: ASCII
    ///   - isLenient: whether broken escapes stay as they are, and broken UTF-8 is replaced
    /// - Returns: nil when something is broken, unless that is let pass
    public static func decode(_ bytes: some Sequence<UInt8>, isLenient: Bool = false) -> String? {
        var rest = Array(bytes)[...]
        var result: [UInt8] = []
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                result.append(byte)
                continue
            }
            if let value = hexadecimal(rest.prefix(2)) {
                result.append(value)
                rest = rest.dropFirst(2)
            } else if isLenient {
                result.append(byte)
            } else {
                return nil
            }
        }
        return isLenient ? String(decoding: result, as: UTF8.self) : String(validating: result, as: UTF8.self)
    }

    private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt8? {
        let text = String(decoding: digits, as: UTF8.self)
        // A sign would pass for a number.
        return digits.count == 2 && digits.first != UInt8(ascii: "+") && digits.first != UInt8(ascii: "-")
            ? UInt8(text, radix: 16) : nil
    }
}
