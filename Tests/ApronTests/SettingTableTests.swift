import Testing

@testable import apron

/// Every setting of the stock worker, written down apart from the table that is tested.
private let stockFlags = """
    name tag team http-proxy https-proxy no-proxy ephemeral max-active-tasks tsa-host tsa-public-key
    tsa-worker-private-key certs-dir work-dir bind-ip bind-port debug-bind-ip debug-bind-port healthcheck-bind-ip
    healthcheck-bind-port healthcheck-timeout sweep-interval volume-sweeper-max-in-flight
    container-sweeper-max-in-flight rebalance-interval connection-drain-timeout runtime external-garden-url
    resource-types log-level tracing-service-name tracing-attribute tracing-honeycomb-api-key
    tracing-honeycomb-dataset tracing-jaeger-endpoint tracing-jaeger-tags tracing-jaeger-service
    tracing-stackdriver-projectid tracing-otlp-address tracing-otlp-header tracing-otlp-use-tls
    baggageclaim-log-level baggageclaim-bind-ip baggageclaim-bind-port baggageclaim-debug-bind-ip
    baggageclaim-debug-bind-port baggageclaim-p2p-interface-name-pattern baggageclaim-p2p-interface-family
    baggageclaim-driver baggageclaim-btrfs-bin baggageclaim-mkfs-bin baggageclaim-volumes baggageclaim-overlays-dir
    baggageclaim-disable-user-namespaces containerd-config containerd-bin containerd-init-bin
    containerd-cni-plugins-dir containerd-oci-hooks-dir containerd-seccomp-profile containerd-log-level
    containerd-request-timeout containerd-max-containers containerd-privileged-mode containerd-allowed-device
    containerd-external-ip containerd-dns-proxy-enable containerd-dns-server containerd-additional-hosts
    containerd-restricted-network containerd-network-pool containerd-mtu containerd-allow-host-access
    containerd-v6-enable containerd-v6-pool containerd-v6-disable-masquerade garden-bin garden-config
    garden-request-timeout garden-dns-proxy-enable garden-network-pool garden-max-containers
    """.split { $0 == " " || $0 == "\n" }.map(String.init)

/// Defaults of the stock worker that are values; but for the service names of traces, which are the web node's.
private let stockDefaults = [
    "tsa-host": "127.0.0.1:2222", "bind-ip": "127.0.0.1", "bind-port": "7777",
    "operations-bind-ip": "127.0.0.1", "operations-bind-port": "7776", "healthcheck-bind-ip": "0.0.0.0",
    "healthcheck-bind-port": "8888",
    "healthcheck-timeout": "5s", "sweep-interval": "30s", "volume-sweeper-max-in-flight": "3",
    "container-sweeper-max-in-flight": "5", "rebalance-interval": "4h", "connection-drain-timeout": "1h",
    "runtime": "containerd", "log-level": "info", "baggageclaim-bind-port": "7788",
    "baggageclaim-debug-bind-port": "7787",
    "baggageclaim-p2p-interface-name-pattern": "eth0", "baggageclaim-p2p-interface-family": "4",
    "baggageclaim-driver": "detect", "containerd-request-timeout": "5m", "containerd-max-containers": "250",
    "containerd-privileged-mode": "full", "containerd-network-pool": "10.80.0.0/16",
    "containerd-v6-pool": "fd9c:31a6:c759::/64", "garden-bin": "gdn", "garden-request-timeout": "5m",
]

@Suite struct SettingTableTests {
    @Test(arguments: stockFlags) func stockFlagIsAccepted(_ flag: String) throws {
        let setting = try #require(SettingTable.named(flag))
        let value = example(setting.kind)
        var arguments = setting.isSwitch ? ["--\(flag)"] : ["--\(flag)", value]
        if flag != "work-dir" { arguments += ["--work-dir", "/w"] }
        let configuration = try WorkerConfiguration(arguments: arguments, environment: [:], hostName: "h")
        if case .none(let reason) = setting.effect {
            #expect(configuration.ignored == [.init(flag: "--\(flag)", reason: reason)])
        } else if flag != "runtime" {
            #expect(configuration.ignored == [])
        }
        if !setting.isSwitch {
            #expect(throws: Never.self) { try SettingValues(arguments: ["--\(flag)=\(value)"], environment: [:]) }
        }
    }

    @Test(arguments: stockFlags) func stockVariableIsAccepted(_ flag: String) throws {
        let plain = ["http-proxy": "http_proxy", "https-proxy": "https_proxy", "no-proxy": "no_proxy"]
        let upper = flag.uppercased().split(separator: "-").joined(separator: "_")
        let variable = plain[flag] ?? "CONCOURSE_\(upper)"
        let setting = try #require(SettingTable.variable(variable))
        #expect(setting.name == flag)
        var environment = [variable: example(setting.kind)]
        if flag.hasPrefix("garden-") { environment["CONCOURSE_RUNTIME"] = "guardian" }
        if flag != "work-dir" { environment["CONCOURSE_WORK_DIR"] = "/w" }
        // The runtime of the example would refuse nothing here: no other variable is set.
        let configuration = try WorkerConfiguration(arguments: [], environment: environment, hostName: "h")
        #expect(configuration.unknownVariables == [])
        if setting.effect != .used { #expect(configuration.ignored.contains { $0.flag == "--\(flag)" }) }
    }

    @Test(arguments: stockDefaults) func stockDefaultIsKept(_ flag: String, _ value: String) throws {
        #expect(try #require(SettingTable.named(flag)).standard == value)
    }

    @Test func everyDefaultIsValid() {
        for setting in SettingTable.all {
            if let standard = setting.standard { #expect(setting.complaint(about: standard) == nil, "\(setting.name)") }
        }
    }

    @Test func helpNamesEveryFlagOnce() {
        for text in [SettingHelp.text, SettingHelp.markdown] {
            let words = Set(text.split { " \n`".contains($0) }.map(String.init))
            for setting in SettingTable.all { #expect(words.contains("--\(setting.name)"), "\(setting.name)") }
        }
        for line in SettingHelp.text.split(separator: "\n") { #expect(line.count <= 110, "\(line)") }
    }

    /// A value of the kind that is no default.
    private func example(_ kind: Setting.Kind) -> String {
        switch kind {
        case .text("URL"): "http://example:1234"
        case .text, .secret: "example"
        case .path: "/example"
        case .integer(let range): "\(min(range.upperBound, max(range.lowerBound, 1400)))"
        case .port: "1234"
        case .address: "127.0.0.2"
        case .block: "10.90.0.0/16"
        case .duration: "1h30m"
        case .boolean: "true"
        case .choice(let words): words[words.count - 1]
        case .list(let kind): example(kind)
        case .map: "key:value"
        case .devices: "b 7:* rwm"
        }
    }
}
