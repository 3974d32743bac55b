internal import Worker

/// What a client sends on a process's connection; one JSON object each.
enum WireStreamPayload: Sendable, Hashable {
    /// Bytes for the program's standard input.
    case input([UInt8])
    /// The end of the program's standard input.
    case endOfInput
    /// A terminal's new size; nil when the client named none.
    case resize(WindowSize?)
    /// A signal by its Linux number.
    case signal(Int32)

    /// Garden's numbers of signals and what they are on Linux (signal(7)).
    private static let signals: [UInt64: Int32] = [0: 15, 1: 9]

    /// Reads one object; nil when nothing in it is understood. A terminal's size comes before input, input before a
    /// signal, when there are several.
    init?(_ text: [UInt8]) throws {
        let object = try JSONObject(parsing: text)
        if object["tty"] != nil {
            self = .resize(try WireProcessSpec.windowSize(try object.object("tty")))
        } else if let source = try object.unsigned("source") {
            guard source == 0 else { return nil }
            guard let data = try object.string("data") else {
                self = .endOfInput
                return
            }
            self = .input(Array(data.utf8))
        } else if let number = try object.unsigned("signal"), let signal = Self.signals[number] {
            self = .signal(signal)
        } else {
            return nil
        }
    }

    /// The first payload from the server.
    static func opening(processID: String, streamID: String) -> [UInt8] {
        JSONWriter.line(of: .object(["process_id": .string(processID), "stream_id": .string(streamID)]))
    }

    /// The last payload after an exit.
    static func exit(processID: String, status: Int32) -> [UInt8] {
        let number: JSONValue = status < 0 ? .negative(Int64(status)) : .unsigned(UInt64(status))
        return JSONWriter.line(of: .object(["process_id": .string(processID), "exit_status": number]))
    }

    /// The last payload when waiting failed.
    static func failure(processID: String, text: String) -> [UInt8] {
        JSONWriter.line(of: .object(["process_id": .string(processID), "error": .string(text)]))
    }
}
