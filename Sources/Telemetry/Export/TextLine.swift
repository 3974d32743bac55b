/// One ended span as a line for people: when it began, ids, name, duration, failure, attributes.
enum TextLine {
    /// `2026-11-22T16:50:01.123456789Z 0af7…/b7ad… container.create 2.31 ms EPERM "mount /x: …" key=value`.
    static func encode(_ span: RecordedSpan) -> String {
        var words = [
            CalendarTime(unixTime: span.anchor.unixTime(span.start)).description,
            "\(span.context.traceID)/\(span.context.spanID)",
            word(span.name),
            span.duration.map { TimeSpan(nanoseconds: $0).description } ?? "unfinished",
        ]
        if case .error(let type, let text) = span.status { words += [word(type), quoted(text)] }
        if let parent = span.parentID { words.append("parent=\(parent)") }
        for attribute in span.exportedAttributes where attribute.key != "error.type" {
            words.append("\(attribute.key.name)=\(text(attribute.value))")
        }
        for event in span.events { words.append("event=\(word(event.name))") }
        for link in span.links { words.append("link=\(link.context.traceID)/\(link.context.spanID)") }
        return words.joined(separator: " ")
    }

    private static func text(_ value: AttributeValue) -> String {
        switch value {
        case .int(let number): "\(number)"
        case .double(let number): "\(number)"
        case .bool(let flag): "\(flag)"
        case .string(let text): word(text)
        case .strings(let texts): "[" + texts.map(word).joined(separator: ",") + "]"
        }
    }

    /// The text as it is if it is one word of visible ASCII, else in quotes.
    private static func word(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") }
        return isPlain && !text.isEmpty ? text : quoted(text)
    }

    /// In quotes, control characters escaped: a text from a container must not write lines or move the cursor.
    private static func quoted(_ text: String) -> String {
        var json = JSONWriter()
        json.string(text)
        return String(decoding: json.bytes, as: UTF8.self)
    }
}
