internal import Logging
internal import Telemetry

extension LogLine {
    /// The line as one JSON object with a newline.
    var json: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(256)
        out += "{\"time\":\"".utf8
        out += CalendarTime(unixTime: time).description.utf8
        out += "\",\"level\":\"".utf8
        out += levelWord.utf8
        out += "\",\"message\":".utf8
        Self.append(message, to: &out)
        out += ",\"logger\":".utf8
        Self.append(logger, to: &out)
        for key in Self.topKeys {
            guard let value = top(key) else { continue }
            out.append(UInt8(ascii: ","))
            Self.append(key, to: &out)
            out.append(UInt8(ascii: ":"))
            Self.append(value, to: &out)
        }
        if let error {
            out += ",\"error\":".utf8
            Self.append("\(error)", to: &out)
        }
        let others = otherFields
        if !others.isEmpty {
            out += ",\"fields\":".utf8
            Self.append(others, to: &out)
        }
        out += "}\n".utf8
        return out
    }

    private static func append(_ members: [(key: String, value: Logger.MetadataValue)], to out: inout [UInt8]) {
        out.append(UInt8(ascii: "{"))
        for (index, member) in members.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            append(member.key, to: &out)
            out.append(UInt8(ascii: ":"))
            append(member.value, to: &out)
        }
        out.append(UInt8(ascii: "}"))
    }

    private static func append(_ value: Logger.MetadataValue, to out: inout [UInt8]) {
        switch value {
        case .string(let text):
            append(text, to: &out)
        case .stringConvertible(let value):
            switch value {
            case let number as any BinaryInteger: out += "\(number)".utf8
            case let truth as Bool: out += (truth ? "true" : "false").utf8
            case let number as Double where number.isFinite: out += "\(number)".utf8
            default: append(value.description, to: &out)
            }
        case .array(let values):
            out.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                append(value, to: &out)
            }
            out.append(UInt8(ascii: "]"))
        case .dictionary(let members):
            append(members.sorted { $0.key < $1.key }, to: &out)
        }
    }

    /// A JSON string (RFC 8259 §7).
    private static func append(_ text: String, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                out += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"):
                out += "\\n".utf8
            case UInt8(ascii: "\r"):
                out += "\\r".utf8
            case UInt8(ascii: "\t"):
                out += "\\t".utf8
            case 0..<0x20, 0x7f:
                let digits = Array("0123456789abcdef".utf8)
                out += "\\u00".utf8
                out += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default:
                out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
    }
}
