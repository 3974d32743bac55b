import Testing

@testable import Storage

/// What a start decides before it touches anything.
@Suite struct VolumeRecoveryPlanTests {
    private func record(
        _ handle: String, _ layers: [Layer], isSealed: Bool = false, writtenSince: String? = nil
    ) -> VolumeRecord {
        VolumeRecord(
            handle: handle, stack: LayerStack(layers: layers, owners: .plain, isSealed: isSealed), isPrivileged: true,
            created: 0, writtenSince: writtenSince)
    }

    private func layer(_ digit: String, _ owners: Owners = .plain) -> Layer {
        Layer(id: String(repeating: digit, count: 16), owners: owners)
    }

    private func plan(_ records: [VolumeRecord], missing: Set<String> = []) -> RecoveryPlan {
        let ids = Set(records.flatMap(\.stack.layers).map(\.id)).subtracting(missing)
        return RecoveryPlan(records, layers: ids, bootID: "now")
    }

    @Test func wholeVolumesAreAdoptedInOrder() {
        let records = [record("b", [layer("1")], writtenSince: "now"), record("a", [])]
        let plan = plan(records)
        #expect(plan.adopted == records.reversed())
        #expect(plan.changed.isEmpty && plan.givenUp.isEmpty && plan.damaged.isEmpty)
    }

    @Test func writtenBeforeTheHostWentDown() {
        let plan = plan([record("a", [layer("1")], writtenSince: "then"), record("b", [layer("2")])])
        #expect(plan.adopted.map(\.handle) == ["b"])
        #expect(plan.givenUp.map(\.handle) == ["a"])
    }

    /// It is not damage: the layer may not have reached the disk.
    @Test func givingUpComesBeforeLookingForLayers() {
        let plan = plan([record("a", [layer("1")], writtenSince: "then")], missing: [layer("1").id])
        #expect(plan.givenUp.count == 1)
        #expect(plan.damaged.isEmpty)
    }

    @Test func missingLayersAreDamage() {
        let plan = plan([record("a", [layer("2"), layer("1")]), record("b", [layer("2")])], missing: [layer("1").id])
        #expect(plan.damaged.map(\.handle) == ["a"])
        #expect(plan.damaged[0].reason.contains(layer("1").id))
        #expect(plan.adopted.map(\.handle) == ["b"])
        // Nobody else has it any more.
        #expect(plan.changed.isEmpty)
    }

    @Test func sharedLayersTakeNoChanges() {
        let shared = layer("1")
        let plan = plan([
            record("parent", [shared]), record("child", [layer("2"), shared]), record("twin", [shared], isSealed: true),
        ])
        #expect(plan.changed == ["parent"])
        #expect(plan.adopted.first { $0.handle == "parent" }?.stack.isSealed == true)
        #expect(plan.adopted.first { $0.handle == "child" }?.stack.isSealed == false)
    }

    @Test func volumesMustAgreeOnOwners() {
        let plan = plan([record("a", [layer("1")]), record("b", [layer("1", .shifted)])])
        #expect(plan.adopted.map(\.handle) == ["a"])
        #expect(plan.damaged.map(\.handle) == ["b"])
    }
}
