public import Worker

/// Whom the API follows where Garden servers disagree.
public typealias GardenCompatibility = Compatibility

// What of the table of disagreements shows in the API alone; the rest of it is with the worker.
extension Compatibility {
    /// Whether a container has a network: a missing or empty list of outbound rules means none in Concourse, and no
    /// restriction in the reference server.
    func hasNetwork(outboundRules count: Int) -> Bool { isOpenWithoutRules || count > 0 }

    /// The key under which CPU shares are read back.
    var cpuSharesKey: String { reportsShares ? "limit_in_shares" : "weight" }

    /// What is said about a property that is not set.
    func missingProperty(_ key: String) -> String {
        self == .guardian ? "property does not exist: \(key)" : "not found: \(key)"
    }

    /// Properties by which clients of the reference server ask for containers in any state; all that Apron lists is
    /// created.
    func isStateFilter(_ key: String, _ value: String) -> Bool {
        self == .guardian && key == "garden.state" && (value == "all" || value == "created")
    }

    /// Why containers cannot be made from nothing; the orchestrator searches error texts for these words.
    static let emptyImage = WorkerError(.invalid, "rootfs must not be empty")
}
