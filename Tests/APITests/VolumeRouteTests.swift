import API
import Testing
import Worker

/// What each route about volumes asks of the worker and answers.
@Suite(.timeLimit(.minutes(2)))
struct VolumeRouteTests {
    private static let volume = #"{"handle":"v","path":"/w/v/volume","properties":null,"privileged":false}"#

    @Test(
        arguments: [
            ("GET", "/volumes", nil, "200 OK", "[\(volume)]\n", "list []"),
            ("GET", "/volumes?a=1&b=x%20y", nil, "200 OK", "[]\n", #"list ["a=1", "b=x y"]"#),
            ("GET", "/volumes/v", nil, "200 OK", volume + "\n", "find v"),
            ("DELETE", "/volumes/v", nil, "204 No Content", "", "destroy v"),
            ("DELETE", "/volumes/destroy", #"["v","w"]"#, "204 No Content", "", #"destroy all ["v", "w"]"#),
            ("DELETE", "/volumes/destroy", "null", "204 No Content", "", "destroy all []"),
            ("GET", "/volumes/v/privileged", nil, "200 OK", "false\n", "find v"),
            ("PUT", "/volumes/v/privileged", #"{"value":true}"#, "204 No Content", "", "privileged v true"),
            ("PUT", "/volumes/v/privileged", "{}", "204 No Content", "", "privileged v false"),
            ("PUT", "/volumes/v/properties/k%2Fl", #"{"value":"x"}"#, "204 No Content", "", "set v k/l x"),
            ("POST", "/volumes/cleanup-orphans", nil, "204 No Content", "", "clean up"),
        ] as [(String, String, String?, String, String, String)])
    func routesAskAndAnswer(
        _ method: String, _ path: String, _ body: String?, _ status: String, _ answer: String, _ call: String
    ) async throws {
        try await withVolumes { server, volumes in
            let response = try await server.call(method, path, body)
            #expect(response.status == "HTTP/1.1 \(status)")
            #expect(response.body == answer)
            #expect(response.headers["content-type"] == (answer.isEmpty ? nil : "application/json"))
            #expect(volumes.peek { $0.calls } == [call])
        }
    }

    @Test func propertiesAndPrivilegeAreShown() async throws {
        try await withVolumes { server, volumes in
            volumes.set {
                $0.volumes = [
                    "a": VolumeInfo(
                        handle: "a", path: "/\"p\"", properties: ["b": "<", "a": "\u{1}"], isPrivileged: true),
                    "b": VolumeInfo(handle: "b", path: "/b", properties: [:], isPrivileged: false),
                ]
            }
            let list = try await server.call("GET", "/volumes")
            #expect(
                list.body
                    == #"[{"handle":"a","path":"/\"p\"","properties":{"a":"\u0001","b":"\u003c"},"privileged":true},"#
                    + #"{"handle":"b","path":"/b","properties":{},"privileged":false}]"# + "\n")
            #expect(try await server.call("GET", "/volumes/a/privileged").body == "true\n")
        }
    }

    @Test(arguments: [
        ("GET", "/volumes/", "404 Not Found", nil), ("GET", "/volumes/v/", "404 Not Found", nil),
        ("GET", "/Volumes", "404 Not Found", nil), ("POST", "/volumes/v", "405 Method Not Allowed", "DELETE, GET"),
        ("POST", "/volumes/destroy", "405 Method Not Allowed", "DELETE, GET"),
        ("GET", "/volumes-async", "405 Method Not Allowed", "POST"),
        ("GET", "/volumes/v/stream-out", "405 Method Not Allowed", "PUT"),
        ("POST", "/p2p-url", "405 Method Not Allowed", "GET"),
    ])
    func otherPathsAndMethodsAreUnknown(_ method: String, _ path: String, _ status: String, _ allow: String?)
        async throws
    {
        try await withVolumes { server, volumes in
            let response = try await server.call(method, path)
            #expect(response.status == "HTTP/1.1 \(status)")
            #expect(response.headers["allow"] == allow)
            if allow == nil { #expect(response.body == "404 page not found\n") }
            #expect(volumes.peek { $0.calls } == [])
        }
    }

    @Test func aVolumeMayBeCalledDestroy() async throws {
        try await withVolumes { server, volumes in
            let response = try await server.call("GET", "/volumes/destroy")
            #expect(response.status == "HTTP/1.1 404 Not Found")
            #expect(volumes.peek { $0.calls } == ["find destroy"])
        }
    }

    @Test(arguments: [
        (#"{"strategy":{"type":"empty"}}"#, VolumeRequest(strategy: .empty)),
        (
            #"{"handle":"h","strategy":{"type":"cow","volume":"p"},"properties":null,"privileged":true,"#
                + #""uid":-1,"gid":-1}"#,
            VolumeRequest(handle: "h", strategy: .copyOnWrite(parent: "p"), isPrivileged: true)
        ),
        (#"{"handle":"h","strategy":{"type":"cow"}}"#, VolumeRequest(handle: "h", strategy: .copyOnWrite(parent: ""))),
        (
            #"{"Handle":"h","strategy":{"type":"import","path":"/x","follow_symlinks":true},"#
                + #""properties":{"a":"b","c":null},"more":[{}],"uid":1000,"gid":0}"#,
            VolumeRequest(
                handle: "h", strategy: .importing(path: "/x", followsSymlinks: true), properties: ["a": "b", "c": ""],
                owner: VolumeRequest.Owner(uid: 1000, gid: 0))
        ),
        (#"{"strategy":{"type":"empty"},"properties":{},"uid":5}"#, VolumeRequest(strategy: .empty, properties: [:])),
        (
            #"{"strategy":{"type":"empty"},"uid":4294967294,"gid":4294967294}"#,
            VolumeRequest(strategy: .empty, owner: VolumeRequest.Owner(uid: .max - 1, gid: .max - 1))
        ),
    ])
    func creationsAreRead(_ body: String, _ request: VolumeRequest) async throws {
        try await withVolumes { server, volumes in
            let response = try await server.call("POST", "/volumes", body)
            #expect(response.status == "HTTP/1.1 201 Created")
            #expect(response.headers["content-type"] == "application/json")
            let async = try await server.call("POST", "/volumes-async", body)
            #expect(async.status == "HTTP/1.1 201 Created")
            #expect(async.headers["content-type"] == "application/json")
            #expect(async.body == "{\"handle\":\"\(request.handle ?? "invented")\"}\n")
            #expect(volumes.peek { $0.requests } == [request, request])
        }
    }

    @Test func theAnswerToACreationHasTheOwnerAsWritten() async throws {
        try await withVolumes { server, _ in
            let body = #"{"handle":"h","strategy":{"type":"empty"},"uid":-1,"gid":7}"#
            let response = try await server.call("POST", "/volumes", body)
            #expect(
                response.body
                    == #"{"handle":"h","path":"/w/x/volume","properties":null,"privileged":false,"uid":-1,"gid":7}"#
                    + "\n")
        }
    }

    @Test func aThousandVolumesAreListedInOrder() async throws {
        try await withVolumes { server, volumes in
            volumes.set { state in
                for number in 1000..<2000 {
                    let handle = "00000000-0000-4000-8000-00000000\(number)"
                    state.volumes[handle] = VolumeInfo(
                        handle: handle, path: "/var/lib/apron/volumes/live/\(handle)/volume", properties: nil,
                        isPrivileged: number % 2 == 0)
                }
            }
            let body = try await server.call("GET", "/volumes").body
            #expect(body.split(separator: #"{"handle":"#).count == 1002)
            #expect(body.hasSuffix("}]\n"))
        }
    }
}
