import Testing

@testable import Worker

/// What clients may ask of creations that run without them.
@Suite struct VolumeCreationsTests {
    private static let volume = VolumeInfo(handle: "h", path: "/v/h", properties: nil, isPrivileged: false)
    private static let patience = Duration.seconds(60)

    @Test func anOutcomeIsKeptUntilItIsCollected() async throws {
        let creations = VolumeCreations()
        try creations.begin("h")
        #expect(creations.isUnderWay("h"))
        #expect(try await creations.result("h", within: .zero) == nil)
        #expect(try await creations.result("h", within: .milliseconds(1)) == nil)
        #expect(throws: VolumeError.self) { try creations.begin("h") }
        #expect(creations.settle("h", .success(Self.volume)))
        #expect(!creations.isUnderWay("h"))
        for _ in 0..<2 { #expect(try await creations.result("h", within: .zero)?.get() == Self.volume) }
        #expect(try creations.cancel("h") == .forgotten)
        try creations.begin("h")
    }

    @Test func aFailureIsAnOutcome() async throws {
        let creations = VolumeCreations()
        try creations.begin("h")
        #expect(creations.settle("h", .failure(VolumeError(.noSpace, "full"))))
        let outcome = try #require(try await creations.result("h", within: Self.patience))
        #expect(throws: VolumeError.self) { try outcome.get() }
    }

    @Test func whatIsGivenUpIsUnknownAndKeepsItsHandle() async throws {
        let creations = VolumeCreations()
        try creations.begin("h")
        #expect(try creations.cancel("h") == .givenUp)
        #expect(throws: VolumeError.self) { try creations.begin("h") }
        #expect(throws: VolumeError.self) { try creations.cancel("h") }
        await #expect(throws: VolumeError.self) { try await creations.result("h", within: .zero) }
        #expect(!creations.settle("h", .success(Self.volume)))
        // The handle is taken until the volume is gone.
        #expect(throws: VolumeError.self) { try creations.begin("h") }
        creations.abandon("h")
        try creations.begin("h")
    }

    @Test func whatIsGivenUpIsCancelled() async throws {
        let creations = VolumeCreations()
        func begin(_ handle: String) throws -> Task<Void, Never> {
            try creations.begin(handle)
            return Task { while !Task.isCancelled { await Task.yield() } }
        }
        let early = try begin("early")
        creations.attach(early, to: "early")
        #expect(try creations.cancel("early") == .givenUp)
        await early.value
        // The task may be known only after it was given up.
        let late = try begin("late")
        #expect(try creations.cancel("late") == .givenUp)
        creations.attach(late, to: "late")
        await late.value

        let left = try begin("left")
        creations.attach(left, to: "left")
        await creations.stop()
        await left.value
        #expect(creations.isUnderWay("left"))
        let after = try begin("after")
        creations.attach(after, to: "after")
        await after.value
    }

    @Test func everyoneWhoWaitsIsTold() async throws {
        let creations = VolumeCreations()
        try creations.begin("h")
        try await withThrowingTaskGroup(of: VolumeInfo?.self) { group in
            for _ in 0..<20 { group.addTask { try await creations.result("h", within: Self.patience)?.get() } }
            _ = creations.settle("h", .success(Self.volume))
            for try await volume in group { #expect(volume == Self.volume) }
        }
    }

    @Test func aWaitEndsWithItsTask() async throws {
        let outcome = Outcome<Int>()
        let task = Task { await outcome.value(within: Self.patience) }
        task.cancel()
        #expect(await task.value == nil)
        outcome.set(1)
        outcome.set(2)
        #expect(await outcome.value(within: .zero) == 1)
    }

    @Test func onlySoManyAreKept() throws {
        let creations = VolumeCreations()
        for index in 0..<(VolumeCreations.settledMax + 2) {
            try creations.begin("h\(index)")
            if index > 0 { _ = creations.settle("h\(index)", .success(Self.volume)) }
        }
        #expect(creations.expire() == ["h1"])
        #expect(creations.isUnderWay("h0"))
    }
}
