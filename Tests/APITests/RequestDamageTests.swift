import TestSupport
import Testing

@testable import API

/// Bodies that were changed at random, the same ones in every run: each is answered, and the server stays.
@Suite(.timeLimit(.minutes(2)))
struct RequestDamageTests {
    private static let requests = [
        (
            "POST", "/volumes",
            #"{"handle":"h","strategy":{"type":"cow","volume":"p"},"privileged":true,"properties":{"k":"v"},"ttl":1}"#
        ),
        ("POST", "/volumes-async", #"{"handle":"h","strategy":{"type":"import","path":"/x","follow_symlinks":true}}"#),
        ("PUT", "/volumes/v/properties/k", #"{"value":"\ud83d\ude00 text"}"#),
        ("PUT", "/volumes/v/privileged", #"{"value":false}"#), ("DELETE", "/volumes/destroy", #"["a","b"]"#),
        (
            "POST", "/containers",
            #"{"handle":"c","rootfs":"raw:///r","grace_time":5,"env":["A=b"],"limits":{"memory_limits":"#
                + #"{"limit_in_bytes":18446744073709551615}},"bind_mounts":[{"src_path":"/a","dst_path":"/b","mode":1}],"#
                + #""netin":[{"host_port":1,"container_port":2}],"netout":[{"networks":[{"start":"1.1.1.1"}]}]}"#
        ),
        ("PUT", "/containers/c/grace_time", "1000000000"),
        ("PUT", "/containers/c/properties/k", #"{"value":"x"}"#), ("PUT", "/containers/c/stop", #"{"kill":true}"#),
    ]

    @Test(arguments: requests.indices) func everyOneIsAnswered(_ number: Int) async throws {
        let (method, path, body) = Self.requests[number]
        try await withVolumes { server, _ in
            var generator = Seeded(UInt64(number))
            let client = try await server.connect()
            for _ in 0..<200 {
                let damaged = generator.damage(Array(body.utf8))
                let head = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(damaged.count)\r\n\r\n"
                try await client.send(Array(head.utf8) + damaged)
                let status = try await client.response().status
                #expect(status.hasPrefix("HTTP/1.1 "), "\(String(decoding: damaged, as: UTF8.self))")
            }
        }
    }
}
