import Testing

extension Conformance {
    /// Requests that are wrong, hostile or too large.
    @Suite struct BadRequests {
        @Test(arguments: ["a/b", "..", ".", "a\u{0}b", String(repeating: "h", count: 10_000)])
        func badHandlesAreRefused(handle: String) throws {
            let garden = try SharedWorker.garden
            let before = try garden.handles()
            let reply = try garden.call("POST", "/containers", JSON.encode(["handle": handle]))
            #expect(reply.status == 500)
            #expect(try reply.json()["Message"].string?.contains("handle") == true)
            #expect(try garden.handles() == before)
        }

        @Test(arguments: ["..", "%2e%2e", "a%2Fb", "%00", "%2F"])
        func badHandlesInPathsAreRefused(handle: String) throws {
            let garden = try SharedWorker.garden
            for (method, rest) in [("GET", "/info"), ("DELETE", ""), ("GET", "/properties")] {
                let reply = try garden.call(method, "/containers/\(handle)\(rest)")
                #expect(reply.status == 500 || reply.status == 404, "\(method) \(handle)\(rest)")
            }
        }

        @Test func aHandleMayBeAsLongAsAFileName() throws {
            let garden = try SharedWorker.garden
            let long = String((Garden.newHandle() + String(repeating: "x", count: 255)).prefix(255))
            let longer = long + "x"
            #expect(try garden.call("POST", "/containers", JSON.encode(["handle": longer])).status == 500)
            try garden.withContainer(["handle": long]) { handle in
                let outcome = try garden.output(handle, "hostname; cat /etc/hostname")
                let name = long.suffix(49)
                #expect(outcome.stdout == "\(name)\n\(name)\n")
            }
        }

        @Test func oddHandlesWork() throws {
            let garden = try SharedWorker.garden
            for handle in ["with space", "ümläut", "a.b:c@d~e", "-rf", "100%", "quote'\"\\", "new\nline"] {
                let handle = handle + Garden.newHandle()
                #expect(try garden.create(["handle": handle]) == handle)
                #expect(try garden.handles().contains(handle))
                let path = handle.utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
                #expect(try garden.info(path)["State"].string == "active")
                #expect(try garden.output(path, "echo fine").stdout == "fine\n")
                try garden.destroy(path)
                #expect(try !garden.handles().contains(handle))
            }
        }

        @Test func duplicateHandlesAreRefused() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let reply = try garden.call("POST", "/containers", JSON.encode(["handle": handle]))
                #expect(reply.status == 500)
                #expect(try reply.json()["Message"].string == "Handle '\(handle)' already in use")
            }
        }

        @Test(arguments: [
            "", "{", "[", "nonsense", "{\"handle\":}", "{\"handle\":1}", "{\"handle\":\"a\"", "\"text\"", "[1]",
            "{\"privileged\":\"yes\"}", "{\"env\":\"A=b\"}", "{\"limits\":{\"memory_limits\":{\"limit_in_bytes\":-5}}}",
            "{\"handle\":\"\\ud800\u{1}\"}", "{\"bind_mounts\":[{\"src_path\":\"relative\",\"dst_path\":\"/x\"}]}",
            "{\"rootfs\":\"docker:///busybox\"}", "{\"rootfs\":\"raw://relative\"}",
            "{\"rootfs\":\"raw:///no/such/root\"}",
        ])
        func badSpecificationsAreRefused(body: String) throws {
            let garden = try SharedWorker.garden
            let before = try garden.handles()
            let reply = try garden.call("POST", "/containers", body)
            #expect(reply.status == 500, "\(reply.text)")
            let error = try reply.json()
            #expect(error.keys == ["Type", "Message", "Handle", "ProcessID", "Binary"])
            #expect(error["Message"].string?.isEmpty == false)
            #expect(try garden.handles() == before)
        }

        @Test func deepNestingIsRefused() throws {
            let body = String(repeating: "[", count: 100_000)
            let reply = try SharedWorker.garden.call("POST", "/containers", body)
            #expect(reply.status == 500)
        }

        @Test func enormousBodiesAreRefused() throws {
            let garden = try SharedWorker.garden
            for isAnnounced in [true, false] {
                let wire = try Wire(to: garden.address)
                let size = 100 << 20
                let framing = isAnnounced ? "Content-Length: \(size)" : "Transfer-Encoding: chunked"
                try wire.send("POST /containers HTTP/1.1\r\nHost: garden\r\n\(framing)\r\n\r\n")
                let piece = [UInt8](repeating: UInt8(ascii: " "), count: 1 << 20)
                do {
                    for _ in 0..<(size / piece.count) {
                        if !isAnnounced { try wire.send("100000\r\n") }
                        try wire.send(piece)
                        if !isAnnounced { try wire.send("\r\n") }
                    }
                } catch is Wire.Failure {
                    // The worker may close under our hands; what it said before can still be there.
                }
                let reply = try Reply(wire)
                #expect(reply.status == 413)
                #expect(try reply.json()["Message"].string?.contains("\(8 << 20)") == true)
            }
            #expect(try garden.call("GET", "/ping").status == 200)
        }

        @Test func truncatedBodiesMakeNothing() throws {
            let garden = try SharedWorker.garden
            let handle = Garden.newHandle()
            let wire = try Wire(to: garden.address)
            try wire.send(
                "POST /containers HTTP/1.1\r\nHost: garden\r\nContent-Length: 1000\r\n\r\n{\"handle\":\"\(handle)\"}")
            wire.endSending()
            _ = try? wire.rest()
            #expect(try !garden.handles().contains(handle))
        }

        @Test func garbageIsNoRequest() throws {
            let garden = try SharedWorker.garden
            for garbage in [
                "\r\n\r\n\r\n\r\n", "GET\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n", "GET /ping HTTP/9.9\r\n\r\n",
            ] {
                let wire = try Wire(to: garden.address)
                try wire.send(garbage)
                wire.endSending()
                _ = try wire.rest()
            }
            #expect(try garden.call("GET", "/ping").status == 200)
        }

        @Test func processIdsAreChecked() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                for id in ["..", "%2F", "%00", String(repeating: "p", count: 300)] {
                    let reply = try garden.call("GET", "/containers/\(handle)/processes/\(id)")
                    #expect(reply.status == 500 || reply.status == 404)
                }
                for body in [
                    "", "{", "[]", "{\"path\":1}",
                    "{\"path\":\"/bin/true\",\"tty\":{\"window_size\":{\"columns\":70000}}}",
                ] {
                    let reply = try garden.call("POST", "/containers/\(handle)/processes", body)
                    #expect(reply.status == 500, "\(body)")
                }
            }
        }
    }
}
