import TestSupport
import Testing

extension Conformance {
    /// Every route's plain success, and what it says when it refuses.
    @Suite struct Routes {
        @Test func creationAnswersTheHandle() throws {
            let garden = try SharedWorker.garden
            let handle = Garden.newHandle()
            let reply = try garden.call("POST", "/containers", JSON.encode(["handle": handle]))
            #expect(reply.status == 200)
            #expect(reply.text == "{\"Handle\":\"\(handle)\"}\n")
            let destroyed = try garden.call("DELETE", "/containers/\(handle)")
            #expect(destroyed.status == 200)
            #expect(destroyed.text == "{}\n")
        }

        @Test func handlesAreMadeUp() throws {
            let garden = try SharedWorker.garden
            let handle = try garden.ask("POST", "/containers", [:])["Handle"].string ?? ""
            #expect(handle.contains(#/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/#))
            try garden.destroy(handle)
        }

        @Test func listsAreFiltered() throws {
            let garden = try SharedWorker.garden
            let mark = Garden.newHandle()
            let one = try garden.create(["properties": ["mark": mark, "n": "1", "odd key": "a&b=c"]])
            let two = try garden.create(["properties": ["mark": mark, "n": "2"]])
            #expect(try Set(garden.handles("?mark=\(mark)")) == [one, two])
            #expect(try garden.handles("?mark=\(mark)&n=2") == [two])
            #expect(try garden.handles("?mark=\(mark)&odd+key=a%26b%3Dc") == [one])
            #expect(try garden.handles("?n=1&n=2&mark=\(mark)") == [one])
            #expect(try garden.handles().contains(one))
            let none = try garden.call("GET", "/containers?mark=nobody-has-this")
            #expect(none.text == "{\"Handles\":[]}\n")
            try garden.destroy(one)
            try garden.destroy(two)
        }

        @Test func propertiesAreKept() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer(["properties": ["a": "1"]]) { handle in
                let path = "/containers/\(handle)/properties"
                #expect(try garden.call("PUT", "\(path)/concourse:exit-status", #"{"value":"0"}"#).text == "{}\n")
                #expect(
                    try garden.call("GET", "\(path)/concourse:exit-status").text == "{\"value\":\"0\"}\n")
                #expect(try garden.ask("GET", path).keys == ["a", "concourse:exit-status"])
                let large = String(repeating: "x", count: 1 << 20)
                try garden.ask("PUT", "\(path)/large", ["value": large])
                #expect(try garden.ask("GET", "\(path)/large")["value"].string == large)
                #expect(try garden.call("DELETE", "\(path)/a").text == "{}\n")
                #expect(try garden.call("DELETE", "\(path)/a").text == "{}\n")
                let missing = try garden.call("GET", "\(path)/a")
                #expect(missing.status == 500)
                #expect(try missing.json()["Message"].string == "property does not exist: a")
            }
        }

        @Test func infoTellsEverything() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer(["properties": ["a": "1"]]) { handle in
                let program = try garden.run(handle, script: "read x", ["id": "p"])
                let info = try garden.info(handle)
                #expect(
                    info.keys == [
                        "State", "Events", "HostIP", "ContainerIP", "ContainerIPv6", "ExternalIP", "ContainerPath",
                        "ProcessIDs", "Properties", "MappedPorts",
                    ])
                #expect(info["State"].string == "active")
                #expect(info["ProcessIDs"].strings == ["p"])
                #expect(info["Properties"]["a"].string == "1")
                #expect(info["ContainerIP"].string?.hasPrefix("10.") == true)
                try program.endInput()
                _ = try program.end()
            }
        }

        @Test func limitsAreToldAsGiven() throws {
            let garden = try SharedWorker.garden
            let limits: [String: Any] = [
                "cpu_limits": ["limit_in_shares": 512], "memory_limits": ["limit_in_bytes": 64 << 20],
                "pid_limits": ["max": 100], "bandwidth_limits": [:], "disk_limits": [:],
            ]
            try garden.withContainer(["limits": limits]) { handle throws in
                let path = "/containers/\(handle)/limits"
                #expect(try garden.call("GET", "\(path)/cpu").text == "{\"limit_in_shares\":512}\n")
                #expect(try garden.call("GET", "\(path)/memory").text == "{\"limit_in_bytes\":67108864}\n")
                #expect(try garden.call("GET", "\(path)/bandwidth").text == "{}\n")
                #expect(try garden.call("GET", "\(path)/disk").text == "{}\n")
            }
        }

        @Test func capacityIsTheHosts() throws {
            let capacity = try SharedWorker.garden.ask("GET", "/capacity")
            #expect(capacity["memory_in_bytes"].integer ?? 0 > 1 << 20)
            #expect(capacity["disk_in_bytes"].integer ?? 0 > 1 << 20)
        }

        @Test func unknownContainersHaveTheirType() throws {
            let garden = try SharedWorker.garden
            let calls: [(String, String, String?)] = [
                ("GET", "/info", nil), ("DELETE", "", nil), ("PUT", "/stop", #"{"kill":true}"#),
                ("POST", "/processes", #"{"path":"/bin/true"}"#), ("GET", "/processes/p", nil),
                ("GET", "/properties", nil), ("GET", "/properties/k", nil), ("PUT", "/properties/k", #"{"value":"v"}"#),
                ("DELETE", "/properties/k", nil), ("PUT", "/grace_time", "1000"), ("GET", "/limits/cpu", nil),
                ("GET", "/processes/p/attaches/1/stdout", nil),
            ]
            for (method, path, body) in calls {
                let reply = try garden.call(method, "/containers/nope\(path)", body)
                #expect(reply.status == 404, "\(method) \(path)")
                #expect(
                    reply.text == #"{"Type":"ContainerNotFoundError","Message":"unknown handle: nope","Handle":"nope","#
                        + #""ProcessID":"","Binary":""}"# + "\n", "\(method) \(path)")
            }
        }

        @Test func unknownProcessesHaveTheirType() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let reply = try garden.call("GET", "/containers/\(handle)/processes/nope")
                #expect(reply.status == 404)
                #expect(
                    reply.text == #"{"Type":"ProcessNotFoundError","Message":"unknown process: nope","Handle":"","#
                        + #""ProcessID":"nope","Binary":""}"# + "\n")
            }
        }

        @Test func whatIsNoRouteIsNoRoute() throws {
            let garden = try SharedWorker.garden
            let unknown = try garden.call("GET", "/nothing")
            #expect(unknown.status == 404)
            #expect(unknown.headers["content-type"]?.hasPrefix("text/plain") == true)
            let wrong = try garden.call("POST", "/ping", "{}")
            #expect(wrong.status == 405)
            #expect(wrong.headers["allow"] == "GET")
        }

        @Test func connectionsCanBeKept() throws {
            let wire = try Wire(to: SharedWorker.garden.address)
            for _ in 0..<3 {
                try wire.send("GET /ping HTTP/1.1\r\nHost: garden\r\n\r\n")
                #expect(try Reply(wire).text == "{}\n")
            }
        }

        @Test func graceTimesEndContainers() throws {
            let garden = try SharedWorker.garden
            let now = try garden.create()
            #expect(try garden.call("PUT", "/containers/\(now)/grace_time", "0").status == 200)
            #expect(try !garden.handles().contains(now))
            let soon = try garden.create()
            try garden.call("PUT", "/containers/\(soon)/grace_time", "50000000")
            try eventually("the end of the grace time") { try garden.handles().contains(soon) ? nil : () }
        }
    }
}
