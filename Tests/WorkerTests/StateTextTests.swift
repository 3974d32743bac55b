import FoundationEssentials
import Testing

@testable import Worker

/// What a worker writes down about its containers is read by the decoder of the one that comes after it.
@Suite struct StateTextTests {
    private struct Everything: Codable, Equatable {
        enum Kind: Codable, Equatable {
            case plain
            case with(number: Int, String)
        }

        var text = "a \"quoted\" \\ and\ttabbed\nline, \u{1}, ü, \u{1f6a2}, </script>"
        var numbers: [Double] = [0, -1.5, 1e300, .leastNonzeroMagnitude, 0.1]
        var integers: [String: Int64] = ["low": .min, "high": .max]
        var large = UInt64.max
        var small: Int8 = -128
        var flags = [true, false]
        var missing: String?
        var holes: [String?] = ["", nil]
        var kinds = [Kind.plain, .with(number: 3, "x")]
        var nested: [[String: [Int]]] = [[:], ["": []], ["a": [1, 2], "b": [3]]]
    }

    @Test func everythingIsReadBack() throws {
        let value = Everything()
        let bytes = try StateText.bytes(of: value)
        #expect(try JSONDecoder().decode(Everything.self, from: Data(bytes)) == value)
        #expect(try JSONDecoder().decode(Everything.self, from: JSONEncoder().encode(value)) == value)
    }

    @Test func requestsAreReadBack() throws {
        var container = ContainerRequest()
        container.handle = "a/b \"c\""
        container.bindMounts = [.init(source: "/a", destination: "/b", writable: true)]
        container.properties = ["k": "{\"v\":1}", "": ""]
        container.environment = ["A=1", "B=\u{0}"]
        container.limits.memoryBytes = .max
        container.limits.cpuQuota = 1.5
        container.graceTime = 300_000_000_000
        let read = try JSONDecoder().decode(ContainerRequest.self, from: Data(StateText.bytes(of: container)))
        #expect(read == container)
        var process = ProcessRequest()
        process.arguments = ["", "-c", "echo \"$A\""]
        process.rlimits = ["nofile": 1024]
        process.terminal = WindowSize(columns: 80, rows: 24)
        #expect(
            try JSONDecoder().decode(ProcessRequest.self, from: Data(StateText.bytes(of: process))) == process)
    }

    @Test func numbersThatJSONLacksAreRefused() {
        #expect(throws: EncodingError.self) { try StateText.bytes(of: [Double.nan]) }
        #expect(throws: EncodingError.self) { try StateText.bytes(of: [Double.infinity]) }
    }

    @Test func aValueAloneIsText() throws {
        let text = String(decoding: try StateText.bytes(of: ["a": [1, 2]]), as: UTF8.self)
        #expect(text == #"{"a":[1,2]}"#)
        #expect(try StateText.bytes(of: "x") == Array("\"x\"".utf8))
        #expect(try StateText.bytes(of: [Int]()) == Array("[]".utf8))
    }
}
