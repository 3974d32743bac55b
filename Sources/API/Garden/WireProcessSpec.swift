internal import Worker

/// The body of a run request.
enum WireProcessSpec {
    /// The resource limits that Garden names; other keys are ignored, as Go's decoder does.
    private static let rlimits = [
        "as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss",
        "rtprio", "sigpending", "stack",
    ]

    /// The size of a terminal whose client names none, as in the reference server.
    private static let defaultSize = WindowSize(columns: 80, rows: 24)

    /// What the worker is asked for.
    static func request(_ body: [UInt8]) throws -> ProcessRequest {
        let object = try JSONObject(parsing: body)
        var request = ProcessRequest()
        if let id = try object.string("id"), !id.isEmpty { request.id = try NameRules.check(id, as: "process id") }
        request.path = try object.string("path") ?? ""
        request.arguments = try object.strings("args")
        request.environment = try object.strings("env")
        request.directory = try object.string("dir") ?? ""
        request.user = try object.string("user") ?? ""
        let rlimits = try object.object("rlimits")
        for name in Self.rlimits {
            if let limit = try rlimits.unsigned(name) { request.rlimits[name] = limit }
        }
        if object["tty"] != nil { request.terminal = try windowSize(try object.object("tty")) ?? defaultSize }
        try refusePea(object)
        return request
    }

    /// The `window_size` of a tty object, or nil when it has none. Zeros are left out on the wire.
    static func windowSize(_ terminal: JSONObject) throws(JSONError) -> WindowSize? {
        guard terminal["window_size"] != nil else { return nil }
        let size = try terminal.object("window_size")
        let columns = try size.unsigned("columns", maximum: UInt64(UInt16.max)) ?? 0
        let rows = try size.unsigned("rows", maximum: UInt64(UInt16.max)) ?? 0
        return WindowSize(columns: UInt16(columns), rows: UInt16(rows))
    }

    /// Processes with a root file system or limits of their own are not offered.
    private static func refusePea(_ object: JSONObject) throws {
        let limits = try object.object("limits")
        let cpu = try limits.object("cpu_limits")
        let own: [(String, Bool)] = [
            ("image", try object.object("image").string("uri") ?? "" != ""),
            ("bind_mounts", try !object.list("bind_mounts").isEmpty),
            (
                "limits",
                try cpu.unsigned("weight") ?? 0 > 0 || cpu.unsigned("limit_in_shares") ?? 0 > 0
                    || limits.object("memory_limits").unsigned("limit_in_bytes") ?? 0 > 0
            ),
        ]
        for (name, isGiven) in own where isGiven {
            throw WorkerError(.notImplemented, "not implemented: \(name) of a process")
        }
    }
}
