/// Archives made by hand, with what no tar program would write.
struct TarBytes {
    private(set) var bytes: [UInt8] = []

    /// Adds an entry.
    /// - Parameter attribute: the bytes of an access list
    func entry(
        _ name: String, _ type: Character = "0", contents: [UInt8] = [], link: String = "", mode: UInt32 = 0o644,
        device: (major: Int, minor: Int) = (0, 0), records: [(String, String)] = [], attribute: [UInt8]? = nil
    ) -> TarBytes {
        var copy = self
        if !records.isEmpty || attribute != nil {
            let list = attribute.map { TarBytes.record("SCHILY.xattr.system.posix_acl_access", $0) } ?? []
            let body = records.flatMap { TarBytes.record($0.0, Array($0.1.utf8)) } + list
            copy.bytes += TarBytes.header("PaxHeaders/x", "x", body.count, "", 0o644, (0, 0)) + TarBytes.padded(body)
        }
        copy.bytes += TarBytes.header(name, type, contents.count, link, mode, device) + TarBytes.padded(contents)
        return copy
    }

    /// The archive with its end marker.
    var ended: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

    private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        var length = key.utf8.count + value.count + 3
        while "\(length)".utf8.count + key.utf8.count + value.count + 3 != length { length += 1 }
        return Array("\(length) \(key)=".utf8) + value + [UInt8(ascii: "\n")]
    }

    private static func padded(_ bytes: [UInt8]) -> [UInt8] {
        bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
    }

    private static func header(
        _ name: String, _ type: Character, _ size: Int, _ link: String, _ mode: UInt32, _ device: (Int, Int)
    ) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, _ place: Int) {
            for (index, byte) in text.utf8.enumerated() { block[place + index] = byte }
        }
        func octal(_ number: Int, _ place: Int, _ width: Int) {
            let digits = String(number, radix: 8)
            put(String(repeating: "0", count: width - 1 - digits.count) + digits, place)
        }
        put(name, 0)
        octal(Int(mode), 100, 8)
        octal(0, 108, 8)
        octal(0, 116, 8)
        octal(size, 124, 12)
        octal(1_700_000_000, 136, 12)
        put("        ", 148)
        block[156] = type.asciiValue ?? 0
        put(link, 157)
        put("ustar", 257)
        put("00", 263)
        octal(device.0, 329, 8)
        octal(device.1, 337, 8)
        octal(block.reduce(0) { $0 + Int($1) }, 148, 7)
        block[154] = 0
        return block
    }
}
