import Testing

@testable import Storage

/// Handles, layers and users as the store counts them.
@Suite struct VolumeTableTests {
    private let layers = ["a", "b", "c"].map { Layer(id: String(repeating: $0, count: 16), owners: .plain) }

    private func record(_ handle: String, _ layers: [Layer] = []) -> VolumeRecord {
        VolumeRecord(
            handle: handle, stack: LayerStack(layers: layers, owners: .plain), isPrivileged: true, created: 0)
    }

    private func kind(_ body: () throws -> Void) -> VolumeStoreError.Kind? {
        do {
            try body()
            return nil
        } catch { return (error as? VolumeStoreError)?.kind }
    }

    @Test func aHandleIsTakenOnce() throws {
        var table = VolumeTable()
        try table.reserve(record("h"))
        #expect(table[live: "h"] == nil)
        let making = kind { try table.reserve(record("h")) }
        #expect(making == .exists)
        table.publish("h")
        #expect(table[live: "h"] != nil)
        let live = kind { try table.reserve(record("h")) }
        #expect(live == .exists)
        table.setStage("h", .destroying)
        #expect(table[live: "h"] == nil)
        let destroying = kind { try table.reserve(record("h")) }
        #expect(destroying == .beingDestroyed)
        _ = table.remove("h")
        try table.reserve(record("h"))
    }

    @Test func aLayerDiesWithItsLastVolume() {
        var table = VolumeTable()
        table.insert(record("p", [layers[0]]), .live)
        table.insert(record("c", [layers[1], layers[0]]), .live)
        #expect(table.uses(ofLayer: layers[0].id) == 2)
        let removed = table.remove("p")
        #expect(removed.isEmpty)
        let replaced = table.replace(record("c", [layers[2], layers[0]]))
        #expect(replaced == [layers[1].id])
        // Held by somebody who makes one.
        table.retain([layers[2]])
        let last = [table.remove("c"), table.release([layers[2]])]
        #expect(last == [[layers[0].id], [layers[2].id]])
        let again = [table.remove("c"), table.release([layers[2]])]
        #expect(again == [[], []])
    }

    @Test func aUserHasAnyNumberOfVolumes() {
        var table = VolumeTable()
        for handle in ["a", "b"] { table.insert(record(handle), .live) }
        let (job, other) = (VolumeUser.container("job"), VolumeUser.stream(1))
        table.use("a", by: job, writable: false)
        table.use("a", by: job, writable: true)
        table.use("a", by: job, writable: false)
        table.use("b", by: job, writable: false)
        table.use("a", by: other, writable: true)
        table.use("none", by: job, writable: true)
        #expect(table[live: "a"]?.users == [job: true, other: true])
        #expect(table[live: "a"]?.writes == 3)
        // After the first one the other can still write.
        let released = [table.release(job), table.release(other), table.release(other)]
        #expect(released == [false, true, false])
        #expect(table[live: "a"]?.users.isEmpty == true)
        #expect(table[live: "b"]?.users.isEmpty == true)
    }

    @Test func frozenMountsDoNotWrite() {
        var table = VolumeTable()
        table.insert(record("a"), .live)
        table.use("a", by: .container("job"), writable: true)
        #expect(table[live: "a"]?.isWritten == true)
        table.setFrozen("a")
        #expect(table[live: "a"]?.isWritten == false)
        #expect(table[live: "a"]?.users.count == 1)
    }
}
