import Kernel
import Testing

@testable import Telemetry

@Suite("Resource")
struct ResourceTests {
    private func text(_ resource: Resource, _ key: AttributeKey) -> String? {
        guard case .string(let text) = resource[key] else { return nil }
        return text
    }

    @Test("what is found out has the conventions' names, and none twice")
    func detected() {
        let resource = Resource.detected(version: "1.2.3")
        let names = resource.attributes.map(\.key.name)
        #expect(Set(names).count == names.count)
        for name in [
            "service.name", "service.version", "service.instance.id", "host.name", "host.arch", "os.type",
            "os.description", "process.executable.name", "process.executable.path", "container.runtime.name",
            "container.runtime.version", "telemetry.sdk.name", "telemetry.sdk.language", "telemetry.sdk.version",
        ] {
            #expect(text(resource, AttributeKey(composed: name))?.isEmpty == false, "\(name)")
        }
        #expect(resource["process.pid"] == .int(Int64(CurrentProcess.id)))
        #expect(text(resource, "telemetry.sdk.language") == "swift")
        let instance = text(resource, "service.instance.id") ?? ""
        #expect(instance.split(separator: "-").map(\.count) == [8, 4, 4, 4, 12])
        #expect(Array(instance)[14] == "4" && "89ab".contains(Array(instance)[19]))
        #expect(text(Resource.detected(version: "1"), "service.instance.id") != instance)
    }

    @Test("the later description wins, and order stays")
    func overlay() {
        let lower = Resource([Attribute("a", .string("1")), Attribute("b", .string("1"))])
        let upper = Resource([Attribute("c", .int(3)), Attribute("a", .string("2"))])
        #expect(
            lower.overlaid(by: upper).attributes == [
                Attribute("a", .string("2")), Attribute("b", .string("1")), Attribute("c", .int(3)),
            ])
    }

    @Test(
        "OTEL_RESOURCE_ATTRIBUTES: percent-encoded, and all or nothing",
        arguments: [
            ("a=1,b=2", ["a=1", "b=2"]), (" a = 1 , b=2 ", ["a=1", "b=2"]), ("a=", ["a="]), ("a=b=c", ["a=b=c"]),
            ("a=%20x%2C%C3%A9", ["a= x,é"]), ("a+b=1+2", ["a+b=1+2"]), ("a%3Db=1", ["a=b=1"]), ("a=1,,", ["a=1"]),
            ("", []), ("a", nil), ("=1", nil), ("a=1,b", nil), ("a=%zz", nil), ("a=%2", nil), ("a=%+1", nil),
            ("a=%FF", nil),
        ] as [(String, [String]?)])
    func environment(value: String, expected: [String]?) {
        let resource = Resource(environmentValue: value)
        #expect(
            resource?.attributes.map { "\($0.key.name)=\(text(resource ?? Resource([]), $0.key) ?? "?")" } == expected)
    }

    @Test("os-release: quotes of both kinds and none")
    func osRelease() {
        let fields = Resource.releaseFields("NAME=\"Debian GNU/Linux\"\n# no\nVERSION_ID='12'\nID=debian\nX=\"\n")
        #expect(fields == ["NAME": "Debian GNU/Linux", "VERSION_ID": "12", "ID": "debian", "X": "\""])
    }
}
