internal import Kernel
internal import Runtime
internal import Worker

extension WorkerConfiguration {
    /// Most bytes of a Unix socket's path (unix(7)): 108 with the closing zero.
    private static let socketPathMax = 107
    /// Most bytes of an interface's name (IFNAMSIZ less the closing zero).
    private static let interfaceNameMax = 15
    /// Larger pools would take long to search; smaller ones have no room for a gateway and a container.
    private static let poolPrefixes: ClosedRange<UInt8> = 8...30
    /// The smallest packet that every IPv4 host must take (RFC 791).
    private static let mtuMin = 68

    /// Reads the settings of `apron worker`.
    /// - Parameters:
    ///   - arguments: what follows the subcommand
    ///   - environment: all variables; only those of the table, `CONCOURSE_…`, `APRON_…` and `OTEL_…` are looked at
    ///   - hostName: the worker's name when none is given
    /// - Throws: ``UsageError`` for unknown flags, values that cannot be, and a missing `--work-dir`.
    init(arguments: [String], environment: [String: String], hostName: String) throws(UsageError) {
        let values = try SettingValues(arguments: arguments, environment: environment)
        try Self.checkRuntime(values, environment: environment)
        guard let workDirectory = values.text("work-dir") else {
            throw UsageError("--work-dir is required: the directory for all that the worker keeps")
        }
        name = values.text("name") ?? hostName
        self.workDirectory = Self.withoutTrailingSlashes(workDirectory)
        bindAddress = values.value("bind-ip", InternetAddress.init)
        bindPort = values.value("bind-port") { Int($0) }
        bindSocket = values.text("bind-socket")
        compatibility = values.value("garden-compat", Compatibility.init)
        initProgram = values.text("init-bin")
        disabledFeatures = values.text("disable") ?? ""

        defaultRootfs = values.text("default-rootfs")
        maxContainers = values.value("containerd-max-containers") { Int($0) }
        let timeout = values.value("containerd-request-timeout", GoDuration.parse)
        requestTimeout = timeout == .zero ? nil : timeout
        privilegedMode = values.value("containerd-privileged-mode", PrivilegedMode.init)
        allowedDevices = values.list("containerd-allowed-device").compactMap { DeviceRule($0) }
        seccompProfile = values.text("containerd-seccomp-profile")

        let pool: String = values.value("containerd-network-pool") { $0 }
        guard let networkPool = CIDR(pool), Self.poolPrefixes.contains(networkPool.prefixLength) else {
            throw UsageError("--containerd-network-pool must be a block of IPv4 addresses, /8 to /30, not '\(pool)'")
        }
        self.networkPool = networkPool
        bridgeName = values.value("bridge-name") { $0 }
        let mtu: Int = values.value("containerd-mtu") { Int($0) }
        self.mtu = mtu == 0 ? nil : mtu
        dnsServers = values.list("containerd-dns-server").compactMap(InternetAddress.init)
        additionalHosts = values.list("containerd-additional-hosts")
        restrictedNetworks = values.list("containerd-restricted-network").compactMap(AddressBlock.init)
        allowHostAccess = values.value("containerd-allow-host-access", GoBoolean.parse)

        volumes = try VolumeConfiguration(values)
        operations = try OperationsConfiguration(values)

        logLevel = values.value("log-level", LogLevel.init(word:))
        traceOutput = values.value("trace-output", TraceOutput.init)
        traceFile = values.text("trace-file")
        traceDetail = values.value("trace-detail", TraceDetail.init)
        traceProcessParent = values.value("trace-process-parent", GoBoolean.parse)
        telemetry = try TelemetrySettings(values, environment: environment)

        ignored = Self.ignored(values)
        unknownVariables = values.unknownVariables
        summary = Self.summary(values, name: name, telemetry)
        try check()
    }

    /// What single values cannot say about themselves.
    private func check() throws(UsageError) {
        do { _ = try Features.disabled(by: disabledFeatures) } catch {
            throw UsageError("--disable: \(error.subject ?? error.description)")
        }
        if workDirectory == "/" { throw UsageError("--work-dir must not be the root directory") }
        if let bindSocket, bindSocket.utf8.count > Self.socketPathMax {
            throw UsageError("--bind-socket must have at most \(Self.socketPathMax) bytes")
        }
        let isPlain = bridgeName.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-".contains($0)) }
        guard isPlain, 1...Self.interfaceNameMax ~= bridgeName.utf8.count else {
            throw UsageError("--bridge-name must be 1 to \(Self.interfaceNameMax) letters, digits, '_' and '-'")
        }
        if let mtu, mtu < Self.mtuMin { throw UsageError("--containerd-mtu must be 0 or at least \(Self.mtuMin)") }
        if traceFile != nil, traceOutput == .none {
            throw UsageError("--trace-file needs --trace-output text or otlp-json")
        }
    }

    /// Each runtime of the stock worker refuses the variables that belong to the others.
    private static func checkRuntime(_ values: SettingValues, environment: [String: String]) throws(UsageError) {
        let runtime = values.value("runtime") { $0 }
        let refused =
            switch runtime {
            case "containerd": ["CONCOURSE_GARDEN_"]
            case "guardian": ["CONCOURSE_CONTAINERD_"]
            default: ["CONCOURSE_GARDEN_", "CONCOURSE_CONTAINERD_"]
            }
        for prefix in refused {
            if let found = environment.keys.filter({ $0.hasPrefix(prefix) }).min() {
                throw UsageError("environment variable \(found) cannot be used with --runtime \(runtime)")
            }
        }
    }

    private static func ignored(_ values: SettingValues) -> [Ignored] {
        var ignored = SettingTable.all.compactMap { setting -> Ignored? in
            guard case .none(let reason) = setting.effect, values.isChanged(setting.name) else { return nil }
            return Ignored(flag: "--" + setting.name, reason: reason)
        }
        if values.isChanged("runtime") {
            ignored.append(Ignored(flag: "--runtime", reason: "Apron makes containers itself, whatever the runtime"))
        }
        ignored += values.guardianVariables.map { Ignored(flag: $0, reason: "there is no guardian to hand it to") }
        return ignored
    }

    private static func summary(_ values: SettingValues, name: String, _ telemetry: TelemetrySettings) -> [Resolved] {
        let settings = SettingTable.all.filter { $0.effect == .used }.map { setting in
            let text = setting.name == "name" ? name : values.list(setting.name).joined(separator: ",")
            let isHidden = !text.isEmpty && (setting.isSecret || OTelEnvironment.mayHoldSecret(address: text))
            return Resolved(
                name: setting.name, value: isHidden ? OTelEnvironment.hidden : text,
                origin: values.origin(setting.name).rawValue)
        }
        let variables = telemetry.variables.map {
            Resolved(name: $0.name, value: $0.value, origin: SettingValues.Origin.environment.rawValue)
        }
        return settings + variables
    }

    private static func withoutTrailingSlashes(_ path: String) -> String {
        var path = path[...]
        while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
        return String(path)
    }
}
