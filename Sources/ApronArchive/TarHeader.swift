import Kernel

/// One entry's header as POSIX pax has it: 512 bytes, and a header of key and value pairs before it for what does not
/// fit (pax(1), "pax Interchange Format").
struct TarHeader {
    /// The type of an entry, by its letter.
    enum Kind: Character {
        case regular = "0"
        case hardLink = "1"
        case symbolicLink = "2"
        case characterDevice = "3"
        case blockDevice = "4"
        case directory = "5"
        case fifo = "6"
        case extended = "x"
    }

    var kind: Kind
    /// Any bytes; a directory's ends with a slash.
    var name: [UInt8]
    var linkName: [UInt8] = []
    var mode: UInt32 = 0o644
    var uid: UInt32 = 0
    var gid: UInt32 = 0
    /// Bytes that follow the header, without padding.
    var size: UInt64 = 0
    var modified: Int64 = 0
    var device = DeviceNumber(major: 0, minor: 0)
    /// Pairs beside those that this type makes of the fields.
    var records: [(key: String, value: [UInt8])] = []

    static let blockBytes = 512
    // How much the fields of the 512 bytes take: name, its prefix, and numbers in octal digits.
    private static let (nameMax, prefixMax) = (100, 155)
    private static let (idMax, sizeMax, timeMax) = (UInt32(0o7777777), UInt64(0o77777777777), Int64(0o77777777777))

    /// All blocks of the header.
    func bytes() -> [UInt8] {
        var records = records
        let split = TarHeader.split(name)
        if split == nil { records.append(("path", name)) }
        if linkName.count > TarHeader.nameMax { records.append(("linkpath", linkName)) }
        if uid > TarHeader.idMax { records.append(("uid", Array("\(uid)".utf8))) }
        if gid > TarHeader.idMax { records.append(("gid", Array("\(gid)".utf8))) }
        if size > TarHeader.sizeMax { records.append(("size", Array("\(size)".utf8))) }
        let seconds = modified.dividedFloored(by: 1_000_000_000)
        if seconds * 1_000_000_000 != modified || !(0...TarHeader.timeMax).contains(seconds) {
            records.append(("mtime", Array(TarHeader.decimal(modified).utf8)))
        }
        let main = block(split ?? ([], Array(name.suffix(TarHeader.nameMax))), seconds)
        return records.isEmpty ? main : extended(records, seconds) + main
    }

    private func extended(_ records: [(key: String, value: [UInt8])], _ seconds: Int64) -> [UInt8] {
        var body: [UInt8] = []
        for record in records {
            // "LENGTH key=value\n", where the length counts its own digits.
            let rest = record.key.utf8.count + record.value.count + 3
            var length = rest + "\(rest)".utf8.count
            length = rest + "\(length)".utf8.count
            body += Array("\(length) \(record.key)=".utf8) + record.value + [UInt8(ascii: "\n")]
        }
        var header = TarHeader(kind: .extended, name: Array("./PaxHeaders/".utf8))
        header.name += name.split(separator: UInt8(ascii: "/")).last?.prefix(TarHeader.nameMax - 16) ?? []
        header.size = UInt64(body.count)
        body.append(contentsOf: repeatElement(0, count: TarHeader.padding(UInt64(body.count))))
        return header.block(([], header.name), max(0, min(seconds, TarHeader.timeMax))) + body
    }

    private func block(_ name: (prefix: [UInt8], name: [UInt8]), _ seconds: Int64) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: TarHeader.blockBytes)
        func put(_ bytes: some Collection<UInt8>, _ place: Int) {
            for (index, byte) in bytes.enumerated() { block[place + index] = byte }
        }
        func octal(_ number: UInt64, _ place: Int, _ digits: Int) {
            var rest = number
            for index in (0..<digits).reversed() {
                block[place + index] = UInt8(ascii: "0") + UInt8(rest & 7)
                rest >>= 3
            }
        }
        put(name.name, 0)
        octal(UInt64(mode & 0o7777), 100, 7)
        octal(uid > TarHeader.idMax ? 0 : UInt64(uid), 108, 7)
        octal(gid > TarHeader.idMax ? 0 : UInt64(gid), 116, 7)
        octal(size > TarHeader.sizeMax ? 0 : size, 124, 11)
        octal(UInt64(max(0, min(seconds, TarHeader.timeMax))), 136, 11)
        block[156] = kind.rawValue.asciiValue ?? 0
        put(linkName.prefix(TarHeader.nameMax), 157)
        put("ustar\u{0}00".utf8, 257)
        octal(UInt64(device.major), 329, 7)
        octal(UInt64(device.minor), 337, 7)
        put(name.prefix, 345)
        // The sum counts its own field as spaces.
        for place in 148..<156 { block[place] = UInt8(ascii: " ") }
        octal(block.reduce(0) { $0 + UInt64($1) }, 148, 6)
        block[154] = 0
        return block
    }

    /// Zeros that follow so many bytes up to the next block.
    static func padding(_ bytes: UInt64) -> Int { Int((512 - bytes % 512) % 512) }

    /// The name in the two fields for it; nil when it does not fit.
    private static func split(_ name: [UInt8]) -> (prefix: [UInt8], name: [UInt8])? {
        if name.count <= nameMax { return ([], name) }
        guard name.count <= prefixMax + 1 + nameMax else { return nil }
        // A slash must part them, and the name must not be empty.
        let from = name.count - nameMax - 1
        let slash = (from..<min(name.count - 1, prefixMax + 1)).first { $0 > 0 && name[$0] == UInt8(ascii: "/") }
        return slash.map { (Array(name[..<$0]), Array(name[($0 + 1)...])) }
    }

    /// Seconds with nine digits behind the point.
    private static func decimal(_ nanoseconds: Int64) -> String {
        let magnitude = nanoseconds.magnitude
        let fraction = "\(magnitude % 1_000_000_000)"
        let zeros = String(repeating: "0", count: 9 - fraction.utf8.count)
        return "\(nanoseconds < 0 ? "-" : "")\(magnitude / 1_000_000_000).\(zeros)\(fraction)"
    }
}

extension Int64 {
    fileprivate func dividedFloored(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
