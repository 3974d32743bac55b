import Testing

extension Conformance {
    /// The spans of a container's life, as the worker tells them.
    @Suite struct Traces {
        private static let traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
        private static let parentID = "00f067aa0ba902b7"
        private static let context = "00-\(traceID)-\(parentID)-01"

        @Test func theHeaderIsTheParent() throws {
            let garden = try SharedWorker.garden
            let handle = try garden.create(headers: ["traceparent: \(Traces.context)"])
            let tree = try SpanTree(garden, handle)
            let request = try #require(tree.first("POST /containers"))
            #expect(request.traceID == Traces.traceID)
            #expect(request.parentID == Traces.parentID)
            #expect(request["apron.parent.source"] == "header")
            try garden.destroy(handle)
        }

        @Test func theEnvironmentIsTheSecondChoice() throws {
            let garden = try SharedWorker.garden
            let handle = try garden.create(["env": ["A=b", "TRACEPARENT=\(Traces.context)"]])
            let request = try #require(try SpanTree(garden, handle).first("POST /containers"))
            #expect(request.traceID == Traces.traceID)
            #expect(request.parentID == Traces.parentID)
            #expect(request["apron.parent.source"] == "env")
            // The process is part of the step's trace, too.
            let program = try garden.run(handle, script: "echo $TRACEPARENT")
            #expect(try program.outcome().stdout == "\(Traces.context)\n")
            #expect(try SpanTree(garden, handle).first("process")?.traceID == Traces.traceID)
            try garden.destroy(handle)
        }

        @Test(.ownWorker) func programsMayGetTheirOwnSpanAsParent() throws {
            try withWorker(flags: ["--trace-process-parent"]) { worker in
                let garden = worker.garden
                let handle = try garden.create([
                    "env": ["A=b", "TRACEPARENT=\(Traces.context)", "TRACESTATE=x=y", "BAGGAGE=k=v"]
                ])
                let program = try garden.run(handle, script: "echo $A $TRACEPARENT $TRACESTATE $BAGGAGE")
                let words = try program.outcome().stdout.split(whereSeparator: \.isWhitespace)
                let process = try #require(try SpanTree(garden, handle).first("process"))
                #expect(process.traceID == Traces.traceID)
                #expect(words == ["b", "00-\(Traces.traceID)-\(process.id)-01", "x=y", "k=v"])
                // Each program has a span, also where nobody gave a context.
                let bare = try garden.create()
                let told = try garden.run(bare, script: "echo $TRACEPARENT").outcome().stdout
                let own = try #require(try SpanTree(garden, bare).first("process"))
                #expect(told.hasPrefix("00-\(own.traceID)-\(own.id)-"))
                for handle in [handle, bare] { try garden.destroy(handle) }
            }
        }

        @Test(arguments: ["00-0-0-01", "garbage", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"])
        func nonsenseIsNoParent(header: String) throws {
            let garden = try SharedWorker.garden
            let handle = try garden.create(headers: ["traceparent: \(header)"])
            let request = try #require(try SpanTree(garden, handle).first("POST /containers"))
            #expect(request.parentID == nil)
            #expect(request["apron.parent.source"] == "none")
            try garden.destroy(handle)
        }

        @Test func creationIsContiguousPhases() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer(["netout_rules": [[:]]]) { handle in
                let tree = try SpanTree(garden, handle)
                let request = try #require(tree.first("POST /containers"))
                let create = try #require(tree.first("container.create"))
                #expect(create.parentID == request.id)
                #expect(create["container.id"] == handle)
                let phases = tree.children(of: create)
                #expect(
                    phases.map(\.name)
                        == ["admission", "rootfs.prepare", "cgroup.create", "container.launch", "state.commit"])
                for (before, after) in zip(phases, phases.dropFirst()) { #expect(before.end == after.start) }
                let launch = try #require(tree.first("container.launch"))
                // The network is made while the child waits; all else follows each other from the launch's begin on.
                let steps = tree.children(of: launch).filter { $0.name != "network.create" }
                #expect(
                    steps.map(\.name) == ["child.start", "child.wait", "child.mounts", "child.root", "child.identity"])
                #expect(steps.first?.start == launch.start && (steps.last?.end ?? 0) <= launch.end)
                for (before, after) in zip(steps, steps.dropFirst()) { #expect(before.end == after.start) }
                let network = try #require(tree.first("network.create"))
                #expect(Set(tree.childNames(of: network)).isSuperset(of: ["address", "veth"]))
                #expect(launch["process.pid"] != nil)
                #expect(tree.spans.allSatisfy { $0.traceID == request.traceID })
            }
        }

        @Test func anAttachTellsWhatIsReplayed() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                // Nobody asks for its output before it has ended.
                let script = "head -c 5000 /dev/zero; head -c 300 /dev/zero >&2; exit 2"
                #expect(try garden.run(handle, script: script, ["id": "p"]).exit() == 2)
                for wanted in [5300, 0] {
                    let outcome = try garden.attach(handle, "p").outcome()
                    #expect(outcome.stdout.utf8.count + outcome.stderr.utf8.count == wanted)
                }
                let spans = try SpanTree(garden, handle).spans.filter { $0.name == "process.attach" }
                #expect(
                    spans.sorted { $0.start < $1.start }.map { $0["apron.attach.replayed_bytes"] } == ["5300", "0"])
            }
        }

        @Test func aRunIsAProcessOfTheContainer() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                #expect(try garden.output(handle, "exit 7", ["id": "p"]).status == 7)
                let tree = try SpanTree.whenEnded("process", garden, handle)
                let process = try #require(tree.first("process"))
                let spawn = try #require(tree.first("process.spawn"))
                let create = try #require(tree.first("container.create"))
                let run = try #require(tree.first("POST /containers/:handle/processes"))
                #expect(spawn.parentID == run.id)
                #expect(process.parentID == create.id)
                #expect(process.linkedSpans.contains(spawn.id) || process.linkedSpans.contains(run.id))
                #expect(process["process.exit.code"] == "7")
                #expect(process["apron.exit.reason"] == "exit")
                #expect(process["process.executable.name"] == "sh")
                #expect(Set(tree.childNames(of: spawn)).isSuperset(of: ["child.identity", "child.exec"]))
                // Nobody's parent is missing, but those outside.
                let ids = Set(tree.spans.map(\.id))
                for span in tree.spans {
                    #expect(span.parentID.map(ids.contains) ?? true, "\(span.name) has an unknown parent")
                }
            }
        }

        @Test func attachingIsNotRunning() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let program = try garden.run(handle, script: "read x; exit 2", ["id": "p"])
                let again = try garden.attach(handle, "p")
                try again.endInput()
                #expect(try again.exit() == 2)
                #expect(try program.exit() == 2)
                let tree = try SpanTree.whenEnded("process.attach", garden, handle)
                let attach = try #require(tree.first("process.attach"))
                let process = try #require(tree.first("process"))
                #expect(attach.linkedSpans == [process.id])
                #expect(tree.all("process").count == 1)
                #expect(attach.parentID == tree.first("GET /containers/:handle/processes/:pid")?.id)
            }
        }

        @Test func destructionIsKeptForAWhile() throws {
            let garden = try SharedWorker.garden
            let handle = try garden.create()
            try garden.destroy(handle)
            let tree = try SpanTree(garden, handle)
            let destroy = try #require(tree.first("container.destroy"))
            let create = try #require(tree.first("container.create"))
            #expect(
                tree.childNames(of: destroy)
                    == ["kill", "wait", "unmount", "network.delete", "cgroup.remove", "state.remove"])
            #expect(destroy.parentID == tree.first("DELETE /containers/:handle")?.id)
            #expect(destroy.linkedSpans.contains(create.id))
        }

        @Test func failuresNameTheCall() throws {
            let garden = try SharedWorker.garden
            let handle = Garden.newHandle()
            let reply = try garden.call(
                "POST", "/containers", JSON.encode(["handle": handle, "rootfs": "raw:///no/such/directory"]))
            #expect(reply.status == 500)
            #expect(try reply.json()["Message"].string?.contains("ENOENT") == true)
            let tree = try SpanTree.whenEnded("POST /containers", garden, handle)
            for name in ["rootfs.prepare", "container.create", "POST /containers"] {
                #expect(tree.first(name)?.statusCode == 2, "\(name)")
            }
        }

        @Test func repliesCarryTheirTiming() throws {
            let garden = try SharedWorker.garden
            let reply = try garden.call(
                "POST", "/containers", "{}", headers: ["traceparent: \(Traces.context)"])
            let timing = try #require(reply.headers["server-timing"])
            #expect(timing.contains(#/rootfs\.prepare;dur=[0-9.]+/#))
            #expect(timing.contains(Traces.traceID))
            try garden.destroy(try #require(try reply.json()["Handle"].string))
        }

        @Test func traces404ForStrangers() throws {
            #expect(try SharedWorker.garden.call("GET", "/containers/stranger/trace").status == 404)
        }
    }
}
