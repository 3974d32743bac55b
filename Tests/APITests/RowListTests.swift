import Telemetry
import TestSupport
import Testing
import Worker

@testable import API

/// What is sent of a list that a reader has in a former state.
@Suite struct RowListTests {
    private func list(_ containers: [ContainerSummary]) -> RowList {
        RowList(containers.map { .init($0.handle, $0.json) }, of: containers.count)
    }

    private func object(_ bytes: [UInt8]) throws -> JSONObject { try JSONObject(parsing: bytes) }

    private func read(_ list: RowList) throws -> ReadList {
        var reader = ReadList(key: "handle")
        try reader.apply(object(list.json))
        return reader
    }

    private func container(_ number: Int) -> ContainerSummary {
        var container = ContainerSummary(handle: "container \(1000 + number)", created: 1)
        container.use = ContainerUse()
        return container
    }

    @Test func nothingIsSentOfNothing() {
        let containers = (0..<3).map(container)
        #expect(list(containers).changes(since: list(containers)) == nil)
        #expect(list([]).changes(since: list([])) == nil)
    }

    @Test func membersComeAndGo() throws {
        var (before, after) = (container(0), container(0))
        before.use?.processors = 0.5
        before.use?.memoryBytes = 4096
        before.use?.tasks = 3
        after.use?.processors = 0.25
        after.use?.memoryBytes = 4096
        after.address = "10.0.0.2"
        let changes = try #require(list([after, container(1)]).changes(since: list([before, container(1)])))
        #expect(
            String(decoding: changes, as: UTF8.self) == """
                {"total":2,"gone":[],"set":[],"changed":[["container 1000",{"address":"10.0.0.2","cpu":0.25,"tasks":null}]]}
                """)
        var reader = try read(list([before, container(1)]))
        try reader.apply(object(changes))
        #expect(try reader == read(list([after, container(1)])))
    }

    /// Whatever happens between two looks, a reader of the changes has what a reader of the whole has.
    @Test func changesLeadToTheWhole() throws {
        var random = Seeded(7)
        var containers = (0..<20).map(container)
        var former = list(containers)
        var reader = try read(former)
        var kinds: Set<String> = []
        for round in 0..<2000 {
            for _ in 0..<Int.random(in: 0...4, using: &random) { change(&containers, round, &random) }
            let next = list(containers)
            if let changes = next.changes(since: former) {
                let object = try object(changes)
                for kind in ["items", "gone", "set", "changed"] where try object.has(kind) && !object.list(kind).isEmpty
                {
                    kinds.insert(kind)
                }
                try reader.apply(object)
            }
            try #require(try reader == read(next), "round \(round)")
            former = next
        }
        #expect(kinds.count == 4, "\(kinds)")
    }

    private func change(_ containers: inout [ContainerSummary], _ round: Int, _ random: inout Seeded) {
        let place = Int.random(in: 0...containers.count, using: &random)
        switch Int.random(in: 0..<12, using: &random) {
        case 0: containers.insert(container(100 + round * 8 + Int.random(in: 0..<8, using: &random)), at: place)
        case 1 where place < containers.count: containers.remove(at: place)
        case 2 where place + 1 < containers.count: containers.swapAt(place, place + 1)
        case 3 where containers.count > 40: containers.removeFirst(30)
        case 4 where round % 50 == 0: containers.reverse()
        case 5..<8 where place < containers.count:
            containers[place].use?.memoryBytes = Bool.random(using: &random) ? nil : UInt64(round)
        case 8 where place < containers.count: containers[place].isPrivileged.toggle()
        case 9 where place < containers.count:
            containers[place].processes = [ProcessSummary(id: "p\(round)", command: "true", started: 1)]
        case 10 where place < containers.count: containers[place].use?.processors = Double(round)
        default: break
        }
        var seen: Set<String> = []
        containers.removeAll { !seen.insert($0.handle).inserted }
    }

    /// One second of a full worker: each container's figures are others, and nothing else is.
    @Test func figuresOfBusyContainersAreShort() throws {
        func busy(_ number: Int, _ second: UInt64) -> ContainerSummary {
            var container = ContainerSummary(
                handle: "7f3c2a10-94b1-4c1e-6a2f-0123456789\(10 + number % 90)\(number / 90)",
                created: 1_800_000_000_000_000_000)
            container.address = "10.254.0.\(number)"
            container.memoryLimit = 4 << 30
            container.traceID = .random()
            var process = ProcessSummary(
                id: "6f0e7d1c-11f5-4a43-5d3c-98f0", command: "/bin/sh -ec make test", started: 1_800_000_000_100_000_000
            )
            process.traceID = container.traceID
            container.processes = [process]
            var use = ContainerUse()
            use.processors = 0.131 + Double(second) * 0.017
            use.memoryBytes = 123_456_789 + second * 81_920
            use.tasks = 4
            container.use = use
            return container
        }
        let before = (0..<100).map { busy($0, 0) }
        let after = before.enumerated().map { number, container in
            var container = container
            container.use = busy(number, 1).use
            return container
        }
        let whole = list(after).json.count
        let changes = try #require(list(after).changes(since: list(before)))
        #expect(changes.count < 9000 && changes.count * 4 < whole, "\(changes.count) of \(whole) bytes")
        var reader = try read(list(before))
        try reader.apply(object(changes))
        #expect(try reader == read(list(after)))
    }
}
