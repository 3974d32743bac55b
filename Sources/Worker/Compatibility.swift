/// Whose habits the worker follows where Garden servers disagree: the one table of such facts.
///
/// In both modes: typed 404s for unknown containers and processes, output to every attacher, stop of the whole
/// container, masked paths in unprivileged containers, supplementary groups from the image.
public enum Compatibility: String, Sendable, Hashable, CaseIterable, Codable {
    /// The stock Concourse worker.
    case concourse
    /// Guardian, Cloud Foundry's Garden server.
    case guardian

    /// A process's default directory is its user's home, not `/`.
    public var startsInHome: Bool { self == .guardian }
    /// USER is set to the requested user even when the request's environment has another one.
    public var overridesUser: Bool { self == .concourse }
    /// USER is set although no user was asked for.
    public var alwaysSetsUser: Bool { self == .guardian }
    /// A create without outbound rules gets an open network; otherwise it is hermetic.
    public var isOpenWithoutRules: Bool { self == .guardian }
    /// A create without a root gets the default image; otherwise it is an error.
    public var allowsEmptyImage: Bool { self == .guardian }
    /// CPU limits are read back as `limit_in_shares`; otherwise as `weight`.
    public var reportsShares: Bool { self == .guardian }
    /// A privileged container can write to /sys and its cgroups.
    public var opensKernelFiles: Bool { self == .concourse }
    /// What process 1 is called.
    public var initName: String { self == .guardian ? "garden-init" : "gdn-init" }

    /// Whether a container made with so many outbound rules has a network.
    public func hasNetwork(outboundRules count: Int) -> Bool { isOpenWithoutRules || count > 0 }

    /// The key under which CPU shares are read back.
    public var cpuSharesKey: String { reportsShares ? "limit_in_shares" : "weight" }

    /// What is said about a property that is not set.
    public func missingProperty(_ key: String) -> String {
        self == .guardian ? "property does not exist: \(key)" : "not found: \(key)"
    }

    /// Properties by which Guardian's clients ask for containers in any state; all that Apron lists is created.
    public func isStateFilter(_ key: String, _ value: String) -> Bool {
        self == .guardian && key == "garden.state" && (value == "all" || value == "created")
    }

    /// Why containers cannot be made from nothing; the orchestrator searches error texts for these words.
    public static let emptyImage = WorkerError(.invalid, "rootfs must not be empty")
}
