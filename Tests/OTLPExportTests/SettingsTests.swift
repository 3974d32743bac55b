import Testing

@testable import OTLPExport

@Suite struct SettingsTests {
    @Test(
        "endpoints",
        arguments: [
            ("http://localhost:4318", true, "http://localhost:4318/v1/traces"),
            ("http://localhost:4318/", true, "http://localhost:4318/v1/traces"),
            ("HTTPS://collector/otlp", true, "https://collector:443/otlp/v1/traces"),
            ("http://collector", false, "http://collector:80/"),
            ("http://collector/my/path", false, "http://collector:80/my/path"),
            ("http://[::1]:4318/x", false, "http://[::1]:4318/x"),
            ("http://[::1]", true, "http://[::1]:80/v1/traces"),
        ])
    func endpoints(text: String, isBase: Bool, expected: String) throws {
        #expect(try Endpoint(text, transport: .protobuf, isBase: isBase).description == expected)
    }

    @Test func queriesStayButAreNotShown() throws {
        let endpoint = try Endpoint("http://c:1/a?key=s3cret", transport: .json, isBase: true)
        #expect(endpoint.path == "/a/v1/traces?key=s3cret")
        #expect(!endpoint.description.contains("s3cret"))
    }

    @Test func grpcWithoutScheme() throws {
        #expect(try Endpoint("c:4317", transport: .grpc, isBase: true).isSecure)
        #expect(try !Endpoint("c:4317", transport: .grpc, isBase: true, isInsecure: true).isSecure)
        #expect(try !Endpoint("http://c:4317", transport: .grpc, isBase: true).isSecure)
    }

    @Test(arguments: [
        "", "c:4318", "ftp://c", "http://", "http://:80", "http://c:0", "http://c:99999", "http://u:p@c", "http://::1/",
        "http://c/ä", "http://a b",
    ])
    func wrongEndpoints(text: String) {
        #expect(throws: OTLPConfigurationError.self) { try Endpoint(text, transport: .protobuf, isBase: true) }
    }

    @Test("no description and no dump shows the value of a header") func secrets() throws {
        var configuration = try quick("http://c:1")
        configuration.headers = [.init("x-key", "s3cret")]
        var dumped = ""
        dump(configuration, to: &dumped)
        let texts = ["\(configuration)", String(reflecting: configuration), "\(configuration.headers)", dumped]
        #expect(texts.allSatisfy { !$0.contains("s3cret") }, "\(texts)")
        #expect(texts[0].contains("x-key"))
    }

    @Test func pausesGrowAndAreBounded() {
        var backoff = Backoff(first: 1000, most: 5000)
        let pauses = (0..<6).map { _ in backoff.pause() }
        for (pause, middle) in zip(pauses, [1000, 2000, 4000, 5000, 5000, 5000] as [Int64]) {
            #expect((middle * 4 / 5...middle * 6 / 5).contains(pause))
        }
        backoff.reset()
        #expect(backoff.pause() <= 1200)
    }
}
