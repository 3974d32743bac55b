import API
import Testing
import Worker

/// Every row of the table of errors, on the wire.
@Suite(.timeLimit(.minutes(2)))
struct VolumeErrorTests {
    typealias Row = (method: String, path: String, body: String?, kind: VolumeError.Kind, status: Int, text: String)

    private static let empty = #"{"handle":"h","strategy":{"type":"empty"}}"#
    private static let raw = ["Content-Encoding: raw", "Accept-Encoding: raw"]

    @Test(
        arguments: [
            ("POST", "/volumes", empty, .unknownParent, 422, "failed to create volume: why"),
            ("POST", "/volumes", empty, .invalid, 422, "failed to create volume: why"),
            ("POST", "/volumes", empty, .handleInUse, 500, "failed to create volume: why"),
            ("POST", "/volumes", empty, .noSpace, 500, "failed to create volume: why"),
            ("POST", "/volumes-async", empty, .creationExists, 500, "promise already exists in list"),
            ("POST", "/volumes-async", empty, .failed, 500, "failed to create volume: why"),
            ("GET", "/volumes-async/h", nil, .unknownCreation, 404, ""),
            ("GET", "/volumes-async/h", nil, .unknownParent, 422, "failed to create volume: why"),
            ("GET", "/volumes-async/h", nil, .failed, 500, "failed to create volume: why"),
            ("DELETE", "/volumes-async/h", nil, .unknownCreation, 404, ""),
            ("DELETE", "/volumes-async/h", nil, .creationSettled, 500, "promise is not pending"),
            ("GET", "/volumes/v", nil, .unknownVolume, 404, "failed to get volume: why"),
            ("GET", "/volumes/v", nil, .failed, 500, "failed to get volume: why"),
            ("GET", "/volumes", nil, .failed, 500, "failed to list volumes: why"),
            ("DELETE", "/volumes/v", nil, .unknownVolume, 404, "failed to destroy volume: why"),
            ("DELETE", "/volumes/v", nil, .inUse, 500, "failed to destroy volume: why"),
            ("DELETE", "/volumes/destroy", "[]", .failed, 500, "failed to destroy volume: why"),
            ("PUT", "/volumes/v/properties/k", "{}", .unknownVolume, 404, "failed to set property on volume: why"),
            ("PUT", "/volumes/v/properties/k", "{}", .noSpace, 500, "failed to set property on volume: why"),
            (
                "GET", "/volumes/v/privileged", nil, .unknownVolume, 404,
                "failed to get privileged status of volume: why"
            ),
            ("GET", "/volumes/v/privileged", nil, .failed, 500, "failed to get privileged status of volume: why"),
            (
                "PUT", "/volumes/v/privileged", "{}", .unknownVolume, 404,
                "failed to change privileged status of volume: why"
            ),
            ("PUT", "/volumes/v/privileged", "{}", .failed, 500, "failed to change privileged status of volume: why"),
            ("PUT", "/volumes/v/stream-in", "x", .unknownVolume, 404, "failed to stream in to volume: why"),
            ("PUT", "/volumes/v/stream-in", "x", .badArchive, 400, "failed to stream in to volume: why"),
            ("PUT", "/volumes/v/stream-in", "x", .noSpace, 500, "failed to stream in to volume: why"),
            ("PUT", "/volumes/v/stream-in", "x", .noSuchFile, 500, "failed to stream in to volume: why"),
            ("PUT", "/volumes/v/stream-out", nil, .unknownVolume, 404, "failed to stream out from volume: why"),
            ("PUT", "/volumes/v/stream-out", nil, .noSuchFile, 404, "no such file or directory"),
            ("PUT", "/volumes/v/stream-out", nil, .failed, 500, "failed to stream out from volume: why"),
            ("POST", "/volumes/cleanup-orphans", nil, .failed, 500, "why"),
        ] as [Row])
    func kindsBecomeStatusesAndTexts(_ row: Row) async throws {
        try await withVolumes { server, volumes in
            volumes.set { $0.error = VolumeError(row.kind, "why", handle: "v") }
            let response = try await server.call(row.method, row.path, row.body, headers: Self.raw)
            #expect(response.status.hasPrefix("HTTP/1.1 \(row.status) "))
            #expect(response.body == (row.text.isEmpty ? "" : "{\"error\":\"\(row.text)\"}\n"))
        }
    }

    @Test(
        arguments: [
            ("POST", "/volumes", "{", 400, "failed to create volume: invalid JSON: unexpected end of input at byte 1"),
            (
                "POST", "/volumes-async", "", 400,
                "failed to create volume: invalid JSON: unexpected end of input at byte 0"
            ),
            (
                "POST", "/volumes", #"{"handle":5,"strategy":{"type":"empty"}}"#, 400,
                "failed to create volume: invalid JSON: handle: expected a string, found a number"
            ),
            (
                "POST", "/volumes", #"{"uid":1e3,"strategy":{"type":"empty"}}"#, 400,
                "failed to create volume: invalid JSON: uid: expected an integer of 64 bits, found a number"
            ),
            (
                "POST", "/volumes", #"{"uid":18446744073709551615,"strategy":{"type":"empty"}}"#, 400,
                "failed to create volume: invalid JSON: uid: expected an integer of 64 bits, found a number"
            ),
            ("POST", "/volumes", "{}", 422, "failed to create volume: no strategy given"),
            ("POST", "/volumes-async", #"{"strategy":null}"#, 422, "failed to create volume: no strategy given"),
            (
                "POST", "/volumes", #"{"strategy":"empty"}"#, 422,
                "failed to create volume: invalid JSON: strategy: expected an object, found a string"
            ),
            ("POST", "/volumes", #"{"strategy":{}}"#, 422, "failed to create volume: strategy has no type"),
            ("POST", "/volumes", #"{"strategy":{"type":"x"}}"#, 422, "failed to create volume: unknown strategy 'x'"),
            (
                "POST", "/volumes", #"{"strategy":{"type":"empty"},"uid":4294967295,"gid":0}"#, 422,
                "failed to create volume: uid must not exceed 4294967294, is 4294967295"
            ),
            (
                "POST", "/volumes", #"{"handle":"a/b","strategy":{"type":"empty"}}"#, 400,
                "failed to create volume: handle must not contain a slash: a/b"
            ),
            (
                "POST", "/volumes-async", #"{"handle":"..","strategy":{"type":"empty"}}"#, 400,
                "failed to create volume: handle must not be '..'"
            ),
            ("GET", "/volumes/a%2Fb", nil, 400, "failed to get volume: handle must not contain a slash: a/b"),
            ("GET", "/volumes-async/..", nil, 400, "failed to create volume: handle must not be '..'"),
            ("DELETE", "/volumes/.", nil, 400, "failed to destroy volume: handle must not be '.'"),
            (
                "GET", "/volumes?a=1&b=2&a=3", nil, 422,
                "a property may only have a single value: a has many (1, 3)"
            ),
            ("GET", "/volumes?a=1&a=1", nil, 422, "a property may only have a single value: a has many (1, 1)"),
            (
                "DELETE", "/volumes/destroy", #"{"a":1}"#, 400,
                "failed to destroy volume: invalid JSON: body: expected a list, found an object"
            ),
            (
                "DELETE", "/volumes/destroy", #"["../v"]"#, 400,
                "failed to destroy volume: handle must not contain a slash: ../v"
            ),
            (
                "PUT", "/volumes/v/properties/k", "nope", 400,
                "failed to set property on volume: invalid JSON: invalid character 'o' in literal null at byte 1"
            ),
            (
                "PUT", "/volumes/v/privileged", #"{"value":"yes"}"#, 400,
                "failed to change privileged status of volume: invalid JSON: value: expected a boolean, found a string"
            ),
            ("PUT", "/volumes/v/stream-in?limit=abc", "x", 400, "invalid limit abc"),
            ("PUT", "/volumes/v/stream-in?limit=-1", "x", 400, "invalid limit -1"),
            ("PUT", "/volumes/v/stream-in?limit=nan", "x", 400, "invalid limit nan"),
            ("PUT", "/volumes/v/stream-in?limit=", "x", 400, "invalid limit "),
            ("PUT", "/volumes/v/stream-in", "x", 400, "failed to stream in to volume: Content-Encoding is missing"),
            ("PUT", "/volumes/v/stream-out", nil, 400, "failed to stream out from volume: Accept-Encoding is missing"),
            (
                "PUT", "/volumes/v/stream-p2p-out?streamInURL=http%3A%2F%2Fx&encoding=gzip", nil, 400,
                "failed to stream p2p out from volume: parameter path is missing"
            ),
            (
                "PUT", "/volumes/v/stream-p2p-out?path=.&encoding=gzip", nil, 400,
                "failed to stream p2p out from volume: parameter streamInURL is missing"
            ),
            (
                "PUT", "/volumes/v/stream-p2p-out?path=.&streamInURL=http%3A%2F%2Fx", nil, 400,
                "failed to stream p2p out from volume: parameter encoding is missing"
            ),
        ] as [(String, String, String?, Int, String)])
    func badRequestsAreExplained(_ method: String, _ path: String, _ body: String?, _ status: Int, _ text: String)
        async throws
    {
        try await withVolumes { server, volumes in
            let response = try await server.call(method, path, body)
            #expect(response.status.hasPrefix("HTTP/1.1 \(status) "))
            #expect(response.body == "{\"error\":\"\(text)\"}\n")
            #expect(volumes.peek { $0.calls } == [])
        }
    }

    @Test(arguments: ["GZIP", "gzip, zstd", "gzip;q=1", "", "br", "identity"])
    func otherEncodingsAreRefused(_ encoding: String) async throws {
        try await withVolumes { server, volumes in
            let headers = ["Content-Encoding: \(encoding)", "Accept-Encoding: \(encoding)"]
            for path in ["stream-in", "stream-out"] {
                let response = try await server.call("PUT", "/volumes/v/\(path)", "", headers: headers)
                #expect(response.status == "HTTP/1.1 400 Bad Request")
                #expect(response.body.contains("unsupported "))
            }
            #expect(volumes.peek { $0.calls } == [])
        }
    }

    @Test func longHandlesAreRefused() async throws {
        try await withVolumes { server, _ in
            let long = String(repeating: "h", count: 256)
            let refused = try await server.call("GET", "/volumes/\(long)")
            #expect(refused.status == "HTTP/1.1 400 Bad Request")
            #expect(try await server.call("GET", "/volumes/\(long.dropLast())").status == "HTTP/1.1 404 Not Found")
            let body = #"{"handle":"\#(long)","strategy":{"type":"empty"}}"#
            #expect(
                try await server.call("POST", "/volumes-async", body).body.contains(
                    "must not exceed 255 bytes, has 256"))
        }
    }
}
