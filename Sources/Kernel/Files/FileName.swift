/// The name of an entry, or a relative path, of any bytes but NUL.
///
/// Archives and directories hold names that are no UTF-8, so a `String` would not give every name back.
public struct FileName: Hashable, Sendable, CustomStringConvertible {
    /// The bytes with a closing NUL, as system calls take them.
    let text: [UInt8]

    /// Takes a name; nil when it is empty or has a NUL in it, which the kernel would see cut short.
    public init?(_ bytes: some Collection<UInt8>) {
        if bytes.isEmpty || bytes.contains(0) { return nil }
        text = bytes + [0]
    }

    var chars: [CChar] { text.map { CChar(bitPattern: $0) } }

    /// The bytes without the NUL.
    public var bytes: ArraySlice<UInt8> { text.dropLast() }

    /// The name for messages, with replacement characters where it is not UTF-8.
    public var description: String { String(decoding: bytes, as: UTF8.self) }
}
