import Testing

extension Conformance {
    /// What each volume route answers, byte for byte where clients need it.
    @Suite struct VolumeRoutes {
        private var volumes: Baggageclaim { get throws { try SharedWorker.volumes } }

        @Test func aVolumesLife() throws {
            let volumes = try volumes
            let handle = Baggageclaim.newHandle()
            let made = try volumes.call(
                "POST", "/volumes",
                JSON.encode(["handle": handle, "strategy": ["type": "empty"], "properties": ["a": "b"]]))
            #expect(made.status == 201)
            #expect(made.headers["content-type"] == "application/json")
            #expect(try made.json()["handle"].string == handle)
            let found = try volumes.call("GET", "/volumes/\(handle)")
            #expect(found.status == 200)
            #expect(found.headers["content-type"] == "application/json")
            #expect(try found.json().keys == ["handle", "path", "properties", "privileged"])
            #expect(try volumes.handles("?a=b") == [handle])
            #expect(try !volumes.handles("?a=c").contains(handle))
            try volumes.ask("PUT", "/volumes/\(handle)/properties/c", ["value": "d"], expect: 204)
            #expect(try volumes.handles("?a=b&c=d") == [handle])
            #expect(try volumes.call("GET", "/volumes/\(handle)/privileged").text.trimmingSuffix() == "false")
            try volumes.setPrivileged(handle, true)
            #expect(try volumes.find(handle).isPrivileged)
            try volumes.destroy(handle)
            #expect(try volumes.call("GET", "/volumes/\(handle)").status == 404)
            #expect(try volumes.call("DELETE", "/volumes/\(handle)").status == 404)
        }

        @Test func futuresSettle() throws {
            let volumes = try volumes
            let handle = Baggageclaim.newHandle()
            let body = try JSON.encode(["handle": handle, "strategy": ["type": "empty"]])
            let first = try volumes.call("POST", "/volumes-async", body)
            #expect(first.status == 201)
            #expect(first.headers["content-type"] == "application/json")
            #expect(try first.json()["handle"].string == handle)
            let second = try volumes.call("POST", "/volumes-async", body)
            #expect(second.status == 500)
            #expect(try second.json()["error"].string == "promise already exists in list")
            _ = try volumes.collect(handle)
            let gone = try volumes.call("GET", "/volumes-async/\(handle)")
            #expect(gone.status == 404)
            #expect(gone.body.isEmpty)
            try volumes.destroy(handle)
        }

        @Test(arguments: [
            ("not json", 400), ("[]", 422), ("{}", 422), (#"{"strategy":5}"#, 422),
            (#"{"strategy":{"type":"odd"}}"#, 422),
        ])
        func badRequests(body: String, status: Int) throws {
            for path in ["/volumes", "/volumes-async"] {
                let reply = try volumes.call("POST", path, body)
                // A body that is JSON but no object is unreadable as well.
                #expect(
                    reply.status == status || (body == "[]" && reply.status == 400), "\(path) \(body): \(reply.text)")
                #expect(try reply.json()["error"].string?.hasPrefix("failed to create volume") == true)
            }
        }

        @Test(arguments: ["a/b", "..", ".", String(repeating: "x", count: 300), "a\u{0}b"])
        func badHandles(handle: String) throws {
            let body = try JSON.encode(["handle": handle, "strategy": ["type": "empty"]])
            let reply = try volumes.call("POST", "/volumes", body)
            #expect(reply.status >= 400 && reply.status < 500, "\(reply.status) \(reply.text)")
            #expect(try reply.json()["error"].string?.contains("handle") == true)
        }

        @Test func missingParentsAreToldByTheFuture() throws {
            let volumes = try volumes
            let handle = Baggageclaim.newHandle()
            try volumes.ask(
                "POST", "/volumes-async",
                ["handle": handle, "strategy": ["type": "cow", "volume": "no-such-volume"]], expect: 201)
            do {
                _ = try volumes.collect(handle)
                Issue.record("a volume was made of nothing")
            } catch let refusal as Baggageclaim.Refusal {
                #expect(refusal.reply.status == 422)
                #expect(refusal.cause.contains("no-such-volume"))
            }
        }

        @Test func unknownVolumes() throws {
            let volumes = try volumes
            let rows: [(String, String, String?)] = [
                ("GET", "", nil), ("DELETE", "", nil), ("PUT", "/properties/a", #"{"value":"b"}"#),
                ("GET", "/privileged", nil), ("PUT", "/privileged", #"{"value":true}"#),
            ]
            for (method, path, body) in rows {
                let reply = try volumes.call(method, "/volumes/nobody" + path, body)
                #expect(reply.status == 404, "\(method) \(path)")
                #expect(try reply.json()["error"].string?.isEmpty == false)
            }
            #expect(try volumes.streamOut("nobody").status == 404)
            #expect(try volumes.streamIn("nobody", [UInt8](repeating: 0, count: 1024)).status == 404)
            #expect(try volumes.call("DELETE", "/volumes/destroy", #"["nobody"]"#).status == 204)
            #expect(try volumes.call("POST", "/volumes/cleanup-orphans").status == 204)
        }

        @Test func manyAtOnce() throws {
            let volumes = try volumes
            let made = concurrently(100) { _ in try volumes.create().handle }
            let handles = try made.map { try $0.get() }
            #expect(Set(handles).count == 100)
            #expect(try volumes.handles().filter(handles.contains).count == 100)
            try volumes.ask("DELETE", "/volumes/destroy", handles, expect: 204)
            #expect(try volumes.handles().filter(handles.contains).isEmpty)
        }

        @Test func deepChainsStayFlat() throws {
            let volumes = try volumes
            var chain = [try volumes.create()]
            for level in 1...50 {
                let archive = try Tarball(script: "echo \(level) >f\(level); echo \(level) >last")
                #expect(try volumes.streamIn(chain[level - 1].handle, archive.bytes).status == 204)
                chain.append(try volumes.copy(of: chain[level - 1].handle))
            }
            for volume in chain.dropLast() { try volumes.destroy(volume.handle) }
            let last = chain[50].handle
            #expect(try volumes.read(last, "last") == "50\n")
            #expect(try volumes.read(last, "f1") == "1\n")
            try SharedWorker.garden.withContainer(Step.spec(false, ["/v": chain[50].path])) { handle in
                let outcome = try SharedWorker.garden.output(handle, "ls /v | wc -l; echo 51 >/v/last; cat /v/last")
                #expect(outcome.stdout == "51\n51\n")
            }
            try volumes.destroy(last)
        }

        @Test func ownersAreGiven() throws {
            let volumes = try volumes
            let volume = try volumes.create(["type": "empty"], ["uid": 33, "gid": 44])
            let rest = try volumes.create(["type": "empty"], ["uid": -1, "gid": -1])
            try SharedWorker.garden.withContainer(Step.spec(false, ["/v": volume.path, "/w": rest.path])) { handle in
                let outcome = try SharedWorker.garden.output(handle, "stat -c %u:%g /v /w")
                #expect(outcome.stdout == "33:44\n0:0\n")
            }
            for volume in [volume, rest] { try volumes.destroy(volume.handle) }
        }
    }
}

extension String {
    /// Without the newline at its end.
    fileprivate func trimmingSuffix() -> String { hasSuffix("\n") ? String(dropLast()) : self }
}
