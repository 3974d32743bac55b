internal import Kernel

extension Resource {
    /// What can be found out about this process and its host, in the names of the semantic conventions.
    /// - Parameter version: of this program
    public static func detected(version: String) -> Resource {
        let system = CurrentProcess.system
        var attributes = [
            Attribute("service.name", .string("apron")),
            Attribute("service.version", .string(version)),
            // A new one for every start, as the conventions want it.
            Attribute("service.instance.id", .string(instanceID())),
            Attribute("host.name", .string(CurrentProcess.hostName)),
            Attribute("host.arch", .string(architecture(system.machine))),
            Attribute("os.type", .string("linux")),
            Attribute("process.pid", .int(Int64(CurrentProcess.id))),
            Attribute("process.user.id", .int(Int64(CurrentProcess.effectiveUser))),
            Attribute("container.runtime.name", .string("apron")),
            Attribute("container.runtime.version", .string(version)),
            Attribute("telemetry.sdk.name", .string("apron")),
            Attribute("telemetry.sdk.language", .string("swift")),
            Attribute("telemetry.sdk.version", .string(version)),
        ]
        func add(_ key: AttributeKey, _ text: String?) {
            if let text, !text.isEmpty { attributes.append(Attribute(key, .string(text))) }
        }
        let machine = try? KernelFile.read("/etc/machine-id").utf8.trimmingLineEnds
        add("host.id", machine.map { String(decoding: Array($0), as: UTF8.self) })
        let release = (try? KernelFile.read("/etc/os-release")).map(releaseFields) ?? [:]
        add("os.name", release["NAME"])
        add("os.version", release["VERSION_ID"])
        add("os.description", "\(release["PRETTY_NAME"] ?? "Linux"), kernel \(system.release)")
        if let path = try? CurrentProcess.executablePath() {
            add("process.executable.path", path)
            add("process.executable.name", path.split(separator: "/").last.map(String.init))
        }
        return Resource(attributes)
    }

    /// A random UUID (RFC 9562, version 4).
    private static func instanceID() -> String {
        var generator = SystemRandomNumberGenerator()
        let high = generator.next() & ~0xF000 | 0x4000
        let low = generator.next() & ~(3 << 62) | 2 << 62
        let digits = String(lowerHex: high, digits: 16) + String(lowerHex: low, digits: 16)
        var rest = digits[...]
        return [8, 4, 4, 4, 12].map { count in
            defer { rest = rest.dropFirst(count) }
            return String(rest.prefix(count))
        }.joined(separator: "-")
    }

    /// The machine of uname(2) as the conventions call it.
    private static func architecture(_ machine: String) -> String {
        switch machine {
        case "x86_64": "amd64"
        case "aarch64": "arm64"
        default: machine
        }
    }

    /// The assignments of os-release(5), without quotes.
    static func releaseFields(_ text: String) -> [String: String] {
        var fields: [String: String] = [:]
        for line in text.split(separator: "\n") {
            guard let equals = line.firstIndex(of: "=") else { continue }
            var value = line[line.index(after: equals)...]
            if value.count >= 2, let quote = value.first, "\"'".contains(quote), value.last == quote {
                value = value.dropFirst().dropLast()
            }
            fields[String(line[..<equals])] = String(value)
        }
        return fields
    }
}

extension BidirectionalCollection<UInt8> {
    /// Without line ends and blanks at both ends.
    fileprivate var trimmingLineEnds: SubSequence {
        func isText(_ byte: UInt8) -> Bool { byte > UInt8(ascii: " ") }
        guard let first = firstIndex(where: isText), let last = lastIndex(where: isText) else {
            return self[startIndex..<startIndex]
        }
        return self[first...last]
    }
}
