internal import CKernel
internal import Glibc

/// What the running kernel offers of the newer things that are used here: found out once, at start, by using them.
public struct Features: Sendable {
    /// Something that not every kernel can do, named as in `APRON_DISABLE`.
    public enum Feature: String, CaseIterable, Sendable {
        /// Paths that cannot escape (openat2(2), Linux 5.6).
        case openat2
        /// Mounts by descriptor (fsopen(2), fsmount(2), Linux 5.2).
        case mountAPI = "mount-api"
        /// Attributes of mounts by descriptor (mount_setattr(2), Linux 5.12).
        case mountAttributes = "mount-setattr"
        /// close_range(2), Linux 5.9.
        case closeRange = "close-range"
        /// Processes by descriptor (pidfd_open(2), Linux 5.3).
        case pidfd
        /// Overlays on the work directory's file system.
        case overlay
        /// Children that are born in their cgroup (clone3(2) with CLONE_INTO_CGROUP, Linux 5.7).
        case cloneIntoCgroup = "clone-cgroup"
        /// Files shown with shifted owners (Linux 5.12, per file system).
        case idMap = "idmap"
        /// Overlays of detached layers, named by descriptor (Linux 6.13).
        case overlayDescriptors = "overlay-fd"

        /// Whether there is no other way to do without it.
        public var isRequired: Bool {
            switch self {
            case .cloneIntoCgroup, .idMap, .overlayDescriptors: false
            default: true
            }
        }
    }

    /// What became of a probe.
    public enum State: Hashable, Sendable {
        /// It works.
        case present
        /// It does not, and why.
        case missing(KernelError)
        /// It was not tried since the operator switched it off.
        case disabled
    }

    /// What each feature's probe said.
    public let states: [Feature: State]

    /// States a set of features without probing.
    public init(states: [Feature: State]) { self.states = states }

    /// Everything that can be there, as far as it is not switched off.
    /// - Throws: EINVAL for an unknown name in `disabled`
    public static func complete(disabled: String = "") throws(KernelError) -> Features {
        let off = try Features.disabled(by: disabled)
        return Features(
            states: Dictionary(
                uniqueKeysWithValues: Feature.allCases.map { ($0, off.contains($0) ? .disabled : .present) }))
    }

    /// Whether every feature works.
    public var isComplete: Bool { Feature.allCases.allSatisfy(has) }

    /// Whether a feature works and is not switched off.
    public func has(_ feature: Feature) -> Bool { states[feature] == .present }

    /// Required features that are not there; a worker cannot start when there is any.
    public var missingRequired: [Feature] { Feature.allCases.filter { $0.isRequired && !has($0) } }

    /// One line a feature for the start-up log, such as `idmap: no (mount_setattr /x: invalid argument (EINVAL))`.
    public func describe() -> [String] {
        Feature.allCases.map { feature in
            switch states[feature] {
            case .present: "\(feature.rawValue): yes"
            case .missing(let error): "\(feature.rawValue): no (\(error))"
            case .disabled: "\(feature.rawValue): switched off"
            case nil: "\(feature.rawValue): not probed"
            }
        }
    }

    /// Reads the value of `APRON_DISABLE`: names of features with commas between.
    /// - Throws: EINVAL for an unknown name
    public static func disabled(by list: String) throws(KernelError) -> Set<Feature> {
        var features: Set<Feature> = []
        for name in list.split(whereSeparator: { $0 == "," || $0 == " " }) {
            guard let feature = Feature(rawValue: String(name)) else {
                let known = Feature.allCases.map(\.rawValue).joined(separator: ", ")
                throw KernelError(
                    call: "APRON_DISABLE", errno: .invalid, subject: "\(name): no such feature (known: \(known))")
            }
            features.insert(feature)
        }
        return features
    }
}

// MARK: - Probing

extension Features {
    /// Tries every feature that is not switched off.
    /// - Parameters:
    ///   - userNamespace: a namespace with the map that unprivileged containers get
    ///   - workDirectory: where roots and volumes will lie; probed in a directory of its own, removed again
    ///   - disabled: the value of `APRON_DISABLE`
    /// - Throws: EINVAL for an unknown name in `disabled`; what kept the probe's own directory from being made
    public static func probe(
        userNamespace: borrowing Descriptor, workDirectory: Directory, disabled: String = ""
    ) throws(KernelError) -> Features {
        let off = try Features.disabled(by: disabled)
        let name = Directory.temporaryName()
        let scratch = try workDirectory.make(name, mode: 0o700)
        defer { try? workDirectory.removeTree(name) }

        var states: [Feature: State] = [:]
        for feature in Feature.allCases {
            if off.contains(feature) {
                states[feature] = .disabled
                continue
            }
            do throws(KernelError) {
                try use(feature, userNamespace, scratch)
                states[feature] = .present
            } catch { states[feature] = .missing(error) }
        }
        return Features(states: states)
    }

    private static func use(
        _ feature: Feature, _ userNamespace: borrowing Descriptor, _ scratch: Directory
    ) throws(KernelError) {
        switch feature {
        case .openat2: _ = try scratch.openInRoot("/", [.path, .directory])
        case .mountAPI: _ = try FileSystemContext("tmpfs").mount()
        case .mountAttributes: try MountTree.clone(scratch).setAttributes(.readOnly)
        case .closeRange: try invoke("close_range") { apron_close_range(.max, .max, 0) }
        case .pidfd: _ = Descriptor(owning: try invoke("pidfd_open") { apron_pidfd_open(getpid(), 0) })
        case .overlay: _ = try overlay(in: scratch, "paths").mount(.paths)
        case .cloneIntoCgroup: try cloneIntoCgroup()
        case .idMap: try MountTree.clone(scratch).idMap(userNamespace: userNamespace)
        case .overlayDescriptors:
            let composed = try overlay(in: scratch, "descriptors")
            let lower = try MountTree.clone(composed.lowers[0])
            let root = try lower.root()
            _ = try OverlayMount(lowers: [root], upper: composed.upper, work: composed.work).mount(.descriptors)
            // The layer's mount must live until here.
            extendLifetime(lower)
        }
    }

    private static func overlay(in scratch: Directory, _ name: String) throws(KernelError) -> OverlayMount {
        let directory = try scratch.make(name)
        return OverlayMount(
            lowers: [try directory.make("lower")], upper: try directory.make("upper"),
            work: try directory.make("work"))
    }

    /// A kernel that knows the flag looks the descriptor up before it makes a child and says EBADF; an older one
    /// refuses the argument's size (E2BIG), and a system call filter the call (ENOSYS, EPERM).
    private static func cloneIntoCgroup() throws(KernelError) {
        let noDescriptor = Int32.max
        guard apron_fork(noDescriptor, 0) < 0 else { preconditionFailure("clone3 took a closed descriptor") }
        let errno = ErrorNumber.current
        if errno != .badDescriptor { throw KernelError(call: "clone3", errno: errno, subject: "CLONE_INTO_CGROUP") }
    }
}
