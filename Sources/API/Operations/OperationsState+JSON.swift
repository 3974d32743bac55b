internal import Telemetry
internal import Worker

// How the page's objects look on the wire: times in milliseconds since the epoch, sizes in bytes, nothing for nil.
extension JSONValue {
    /// Nanoseconds as milliseconds with three digits after the point.
    static func milliseconds(_ nanoseconds: UInt64) -> JSONValue {
        let micros = nanoseconds / 1000
        return .number("\(micros / 1000)." + "\(1000 + micros % 1000)".dropFirst())
    }

    /// A number with a fraction, which must be one that JSON has.
    static func fraction(_ value: Double) -> JSONValue {
        value.isFinite ? .number("\((value * 1000).rounded() / 1000)") : .null
    }

    /// An object of the members that are not nil.
    static func known(_ members: KeyValuePairs<String, JSONValue?>) -> JSONValue {
        .object(members.compactMap { member in member.value.map { Member(key: member.key, value: $0) } })
    }

    /// The first of a list and how many there are in all.
    static func found<Element>(_ list: [Element], _ limit: Int, _ json: (Element) -> JSONValue) -> JSONValue {
        counted(list.prefix(limit).map(json), list.count)
    }

    /// Some elements of a list of so many.
    static func counted(_ elements: [JSONValue], _ total: Int) -> JSONValue {
        .object(["total": .unsigned(UInt64(total)), "items": .array(elements)])
    }
}

extension ContainerSummary {
    var json: JSONValue {
        .known([
            "handle": .string(handle), "state": .string(state), "created": .milliseconds(created),
            "address": address.map { .string($0) }, "privileged": isPrivileged ? .bool(true) : nil,
            "events": events.isEmpty ? nil : .list(events), "limit": memoryLimit.map { .unsigned($0) },
            "cpu": use?.processors.map { .fraction($0) }, "memory": use?.memoryBytes.map { .unsigned($0) },
            "tasks": use?.tasks.map { .unsigned($0) },
            "oomKills": use?.oomKills.flatMap { $0 > 0 ? .unsigned($0) : nil },
            "trace": traceID.map { .string("\($0)") },
            "processes": processes.isEmpty ? nil : .array(processes.map(\.json)),
        ])
    }
}

extension ProcessSummary {
    var json: JSONValue {
        .known([
            "id": .string(id), "command": .string(command), "started": .milliseconds(started),
            "running": .bool(isRunning), "exit": exitCode.map { .unsigned(UInt64(clamping: $0)) },
            "trace": traceID.map { .string("\($0)") },
        ])
    }
}

extension VolumeSummary {
    var json: JSONValue {
        .known([
            "handle": .string(handle), "strategy": .string(strategy), "created": .milliseconds(created),
            "parent": parent.map { .string($0) }, "privileged": isPrivileged ? .bool(true) : nil,
            "layers": .unsigned(UInt64(layers)), "children": .unsigned(UInt64(children)),
            "containers": .list(containers), "trace": traceID.map { .string("\($0)") },
        ])
    }
}

extension TraceSummary {
    var json: JSONValue {
        .known([
            "id": .string("\(traceID)"), "name": .string(name), "handles": .list(handles),
            "start": .milliseconds(anchor.unixTime(start)), "end": end.map { .milliseconds(anchor.unixTime($0)) },
            "spans": .unsigned(UInt64(spans)), "open": .unsigned(UInt64(open)), "errors": .unsigned(UInt64(errors)),
            "failure": failure.map { .string($0) },
        ])
    }
}

extension RecordedSpan {
    /// The span in one line; its trace has the rest.
    var json: JSONValue {
        .known([
            "trace": .string("\(context.traceID)"), "span": .string("\(context.spanID)"), "name": .string(name),
            "handle": handle.map { .string($0) }, "start": .milliseconds(anchor.unixTime(start)),
        ])
    }
}

extension SpanStore.Usage {
    var json: JSONValue {
        .object([
            "spans": .unsigned(UInt64(spans)), "bytes": .unsigned(UInt64(bytes)),
            "evicted": .unsigned(UInt64(evicted)), "refused": .unsigned(UInt64(refused)),
        ])
    }
}

extension HostState {
    var json: JSONValue {
        func pressure(_ pressure: Pressure?) -> JSONValue? {
            pressure.map { .known(["some": .fraction($0.some), "full": $0.full.map { .fraction($0) }]) }
        }
        return .known([
            "cpu": pressure(processorPressure), "memory": pressure(memoryPressure), "io": pressure(diskPressure),
            "memoryBytes": memoryBytes.map { .unsigned($0) }, "memoryAvailable": memoryAvailable.map { .unsigned($0) },
            "diskBytes": diskBytes.map { .unsigned($0) }, "diskAvailable": diskAvailable.map { .unsigned($0) },
            "load": load.map { .fraction($0) },
        ])
    }
}

extension WorkerFacts {
    var json: JSONValue {
        .object([
            "name": .string(name), "version": .string(version), "started": .milliseconds(started),
            "pid": .unsigned(UInt64(clamping: processID)), "processors": .unsigned(UInt64(processors)),
            "facts": .array(others.map { .object(["name": .string($0.name), "text": .string($0.text)]) }),
        ])
    }
}
