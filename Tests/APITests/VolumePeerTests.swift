import Kernel
import NIOCore
import NIOPosix
import Telemetry
import Testing
import Worker

@testable import API

/// Volumes sent from one server to another.
@Suite(.timeLimit(.minutes(2)))
struct VolumePeerTests {
    /// What a client reads of a transfer: the head, and the whole text.
    private func ship(
        _ server: ServerUnderTest, to url: String, encoding: String = "zstd", headers: [String] = []
    ) async throws -> (head: String, text: String, isComplete: Bool) {
        let client = try await server.connect()
        let destination = url.replacing("&", with: "%26").replacing("?", with: "%3F")
        try await client.request(
            "PUT", "/volumes/v/stream-p2p-out?path=.&streamInURL=\(destination)&encoding=\(encoding)", headers: headers)
        let head = try await client.head()
        let (body, isComplete) = unchunk(try await client.restBytes())
        return (head, String(decoding: body, as: UTF8.self), isComplete)
    }

    @Test(arguments: [("0.0.0.0", "127.0.0.1"), ("0.0.0.0", "localhost"), ("::1", "[::1]")])
    func aVolumeGoesFromServerToServer(_ listens: String, _ host: String) async throws {
        try await withVolumes { source, from in
            from.set { $0.script.length = 3 << 20 }
            let to = ScriptedVolumes()
            try await withOtherServer(to, host: listens) { port in
                let url = "http://\(host):\(port)/volumes/v/stream-in?path=.&limit=100"
                let (head, text, isComplete) = try await ship(source, to: url)
                #expect(head.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: plain/text\r\n"))
                #expect(text == "ok")
                #expect(isComplete)
                #expect(from.peek { $0.calls } == ["out v . zstd"])
                #expect(to.peek { $0.calls } == ["in v . zstd"])
                #expect(to.transfer?.count == 3 << 20)
                #expect(to.transfer?.events == ["finish"])
                #expect(from.transfer?.events == ["finish"])
            }
        }
    }

    @Test func refusalsOfTheOtherWorkerAreToldWithItsReason() async throws {
        try await withVolumes { source, from in
            from.set { $0.script.length = 64 << 20 }
            let to = ScriptedVolumes()
            try await withOtherServer(to) { port in
                for (handle, query, reason) in [
                    ("v", "limit=1", "403 Forbidden: exceeded volume streaming limit of 1MB"),
                    ("w", "path=.", "404 Not Found: failed to stream in to volume: unknown volume: w"),
                ] {
                    let url = "http://127.0.0.1:\(port)/volumes/\(handle)/stream-in?\(query)"
                    let text = try await ship(source, to: url).text
                    #expect(
                        text == "failed to stream p2p out from volume: 127.0.0.1:\(port) answered \(reason)")
                    try await eventually { from.transfer?.events.count == 1 }
                }
            }
        }
    }

    @Test func failuresOnThisSideAreToldToo() async throws {
        let to = ScriptedVolumes()
        try await withVolumes { source, from in
            try await withOtherServer(to) { port in
                let url = "http://127.0.0.1:\(port)/volumes/v/stream-in?path=."
                #expect(
                    try await ship(source, to: url, encoding: "br").text
                        == "failed to stream p2p out from volume: unsupported encoding 'br'")
                from.set {
                    $0.script.length = 1 << 20
                    $0.script.endsAfter = 1 << 19
                    $0.script.error = VolumeError(.failed, "read x: i/o error (EIO)")
                }
                #expect(
                    try await ship(source, to: url).text
                        == "failed to stream p2p out from volume: read x: i/o error (EIO)")
                // The other worker does not take half an archive for a whole one.
                try await eventually { to.transfer?.events.first?.hasPrefix("cancel client has gone") == true }
                from.set { $0.volumes = [:] }
                #expect(
                    try await ship(source, to: url).text == "failed to stream p2p out from volume: unknown volume: v")
            }
        }
    }

    @Test(arguments: [
        "https://h/x", "ftp://h/x", "h:1/x", "http:///x", "http://h:0/x", "http://h:99999/x", "http://u@h/x",
        "http://[::1/x", "http://h/x%0D%0AEvil:1", "http://h/%20",
    ])
    func otherURLsAreRefused(_ url: String) async throws {
        try await withVolumes { source, from in
            let text = try await ship(source, to: url).text
            #expect(text.hasPrefix("failed to stream p2p out from volume: streamInURL must be an http URL: '"))
            #expect(from.peek { $0.calls } == [])
        }
    }

    @Test func aPeerThatIsNotThereIsToldAtOnce() async throws {
        try await withVolumes { source, from in
            // A port that nobody listens on, since it was just given back.
            let port = try await closedPort()
            let text = try await ship(source, to: "http://127.0.0.1:\(port)/x").text
            #expect(text.hasPrefix("failed to stream p2p out from volume: connect to 127.0.0.1:\(port): "))
            #expect(from.peek { $0.calls } == [])
        }
    }

    @Test(arguments: [
        ("", "127.0.0.1"), ("garbage\r\n\r\n", ""),
        ("HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\nno reason", "answered 500 Internal Server Error: no reason"),
        ("HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\n", "answered 503 Service Unavailable"),
        ("HTTP/1.1 204 No", ""),
    ])
    func peersThatMisbehaveAreTold(_ answer: String, _ reason: String) async throws {
        try await withVolumes { source, from in
            from.set { $0.script.length = 1 << 20 }
            try await withRawPeer(answer, hangsUp: true) { port in
                let text = try await ship(source, to: "http://127.0.0.1:\(port)/x").text
                #expect(text.hasPrefix("failed to stream p2p out from volume: "))
                #expect(text.contains(reason))
                try await eventually { from.transfer?.events.count == 1 }
            }
        }
    }

    @Test func aPeerThatSaysNothingIsGivenUp() async throws {
        var settings = PeerSettings()
        // Long enough for a sign of life before it on a busy machine.
        settings.idleTimeout = .seconds(3)
        settings.signOfLife = .milliseconds(10)
        try await withVolumes(peers: settings) { source, from in
            try await withRawPeer("", hangsUp: false) { port in
                let text = try await ship(source, to: "http://127.0.0.1:\(port)/x").text
                #expect(text.hasPrefix("\n"))
                #expect(text.contains(" 127.0.0.1:\(port): nothing moved for 3000 ms"))
            }
        }
    }

    @Test func aTransferEndsWhenItsClientHangsUp() async throws {
        try await withVolumes { source, from in
            from.set {
                $0.script.length = 1 << 30
                $0.script.pausesAfter = 1 << 20
            }
            let to = ScriptedVolumes()
            try await withOtherServer(to) { port in
                let client = try await source.connect()
                let url = "http://127.0.0.1:\(port)/volumes/v/stream-in"
                try await client.request(
                    "PUT", "/volumes/v/stream-p2p-out?path=.&streamInURL=\(url)&encoding=raw")
                _ = try await client.head()
                try await eventually { (to.transfer?.count ?? 0) > 0 }
                try await client.close()
                try await eventually { from.transfer?.events.first?.hasPrefix("cancel ") == true }
                try await eventually { to.transfer?.events.first?.hasPrefix("cancel ") == true }
            }
        }
    }

    @Test func theOtherWorkersRequestIsBelowTheTransfer() async throws {
        try Telemetry.configure(Telemetry.Configuration())
        let parent = TraceContext(traceID: .random(), spanID: .random(), state: "a=b", isRemote: true)
        try await withVolumes { source, from in
            let to = ScriptedVolumes()
            try await withOtherServer(to) { port in
                let url = "http://127.0.0.1:\(port)/volumes/v/stream-in"
                _ = try await ship(
                    source, to: url, headers: ["traceparent: \(parent.traceparent)", "tracestate: a=b"])
                try await eventually {
                    Telemetry.store.spans(trace: parent.traceID).filter { !$0.isUnfinished }.count == 3
                }
                let spans = Telemetry.store.spans(trace: parent.traceID)
                let request = try #require(spans.first { $0.name == "PUT /volumes/:handle/stream-p2p-out" })
                let transfer = try #require(spans.first { $0.name == "volume.p2p" })
                let received = try #require(spans.first { $0.name == "PUT /volumes/:handle/stream-in" })
                #expect(request.parentID == parent.spanID)
                #expect(transfer.parentID == request.context.spanID)
                #expect(transfer.kind == .client)
                #expect(received.parentID == transfer.context.spanID)
                #expect(received.parentIsRemote)
                #expect(received.context.state == "a=b")
                #expect(from.peek { $0.seenContexts } == [transfer.context])
                #expect(transfer.attributes.contains(Attribute("http.response.status_code", .int(204))))
                #expect(transfer.attributes.contains(Attribute("apron.archive.encoded_bytes", .int(10))))
            }
        }
    }

    /// The phase fails before anything is asked of either worker: the error and the span say why, nothing is left half
    /// sent, and the same transfer works afterwards.
    @Test func aTransferThatCannotBeginIsTold() async throws {
        try Telemetry.configure(Telemetry.Configuration())
        let parent = TraceContext(traceID: .random(), spanID: .random(), state: "", isRemote: true)
        let plan = FaultPlan([.volumeP2P: .kernel(.noMemory, call: "fault")])
        try await plan.run {
            try await withVolumes { source, from in
                let to = ScriptedVolumes()
                try await withOtherServer(to) { port in
                    let url = "http://127.0.0.1:\(port)/volumes/v/stream-in"
                    let headers = ["traceparent: \(parent.traceparent)"]
                    let (_, text, isComplete) = try await ship(source, to: url, headers: headers)
                    #expect(text.hasPrefix("failed to stream p2p out from volume: fault: "))
                    #expect(text.hasSuffix("(ENOMEM)") && isComplete, "\(text)")
                    #expect(plan.fired == [.volumeP2P])
                    #expect(from.peek { $0.calls } == [] && to.peek { $0.calls } == [])
                    try await eventually {
                        Telemetry.store.spans(trace: parent.traceID).filter { !$0.isUnfinished }.count == 2
                    }
                    let spans = Telemetry.store.spans(trace: parent.traceID)
                    let transfer = try #require(spans.first { $0.name == "volume.p2p" })
                    #expect(transfer.attributes.contains(Attribute("apron.syscall", .string("fault"))))
                    guard case .error("ENOMEM", _) = transfer.status else {
                        Issue.record("\(transfer.status)")
                        return
                    }
                    #expect(try await ship(source, to: url).text == "ok")
                    #expect(from.peek { $0.calls } == ["out v . zstd"])
                    #expect(to.peek { $0.calls } == ["in v  zstd"])
                }
            }
        }
    }

    @Test(arguments: [
        ("eth0", PeerSettings.Family.v4, "http://10.0.0.2:7788"), ("^e.*1$", .v4, "http://10.0.0.3:7788"),
        ("h0", .v6, "http://[fd00::2]:7788"), ("lo|eth0", .v4, "http://127.0.0.1:7788"),
    ])
    func theURLNamesAnInterfaceThatFits(_ pattern: String, _ family: PeerSettings.Family, _ url: String) async throws {
        var settings = try PeerSettings(interfacePattern: pattern, family: family, port: 7788)
        settings.interfaces = {
            [
                .init(name: "lo", address: "127.0.0.1", family: .v4),
                .init(name: "eth0", address: "10.0.0.2", family: .v4),
                .init(name: "eth1", address: "10.0.0.3", family: .v4),
                .init(name: "eth0", address: "fe80::1", family: .v6),
                .init(name: "eth0", address: "fd00::2", family: .v6),
            ]
        }
        try await withVolumes(peers: settings) { server, _ in
            let response = try await server.call("GET", "/p2p-url")
            #expect(response.status == "HTTP/1.1 200 OK")
            #expect(response.body == url)
        }
    }

    @Test func theHostsOwnInterfacesAreFound() async throws {
        let settings = try PeerSettings(interfacePattern: "^lo$", family: .v4, port: 1)
        #expect(try settings.url() == "http://127.0.0.1:1")
        #expect(throws: (any Error).self) { try PeerSettings(interfacePattern: "(", family: .v4, port: 1) }
    }

    @Test func aMissingURLHasThreeReasons() async throws {
        struct Broken: Error {}
        let nameless = PeerSettings.Interface(name: "eth0", address: nil, family: .v4)
        for (interfaces, text) in [
            ([], "failed to get p2p url, network interface list is empty"),
            (nil, "failed to get a list of the system's network interface"),
            ([nameless], "failed to get network interface addr for given interface"),
        ] as [([PeerSettings.Interface]?, String)] {
            var settings = PeerSettings()
            settings.interfaces = { if let interfaces { interfaces } else { throw Broken() } }
            try await withVolumes(peers: settings) { server, _ in
                let response = try await server.call("GET", "/p2p-url")
                #expect(response.status == "HTTP/1.1 500 Internal Server Error")
                #expect(response.body == "{\"error\":\"\(text)\"}\n")
            }
        }
    }

    @Test(arguments: [
        ("http://a", "a", 80, "/"), ("HTTP://a:8/b?c=d#e", "a", 8, "/b?c=d"), ("http://[fd00::1]", "fd00::1", 80, "/"),
        ("http://[::1]:7788/volumes/x/stream-in?path=.", "::1", 7788, "/volumes/x/stream-in?path=."),
        ("http://a?b", "a", 80, "/?b"),
    ])
    func urlsAreTakenApart(_ text: String, _ host: String, _ port: Int, _ target: String) throws {
        let url = try PeerURL(text)
        #expect(url.host == host)
        #expect(url.port == port)
        #expect(url.target == target)
    }
}
