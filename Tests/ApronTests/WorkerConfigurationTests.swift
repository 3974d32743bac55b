import Kernel
import Runtime
import Testing
import Worker

@testable import apron

private func configuration(
    _ arguments: String..., environment: [String: String] = [:]
) throws -> WorkerConfiguration {
    try WorkerConfiguration(
        arguments: ["--work-dir", "/var/lib/w"] + arguments, environment: environment, hostName: "host-1")
}

/// What is wrong with the settings; nil when nothing is.
private func complaint(_ arguments: String..., environment: [String: String] = [:]) -> String? {
    do throws(UsageError) {
        _ = try WorkerConfiguration(
            arguments: ["--work-dir", "/w"] + arguments, environment: environment, hostName: "h")
        return nil
    } catch {
        return error.description
    }
}

@Suite struct WorkerConfigurationTests {
    @Test func defaults() throws {
        let configuration = try configuration()
        #expect(configuration.name == "host-1")
        #expect(configuration.workDirectory == "/var/lib/w")
        #expect(configuration.bindAddress.description == "127.0.0.1")
        #expect(configuration.bindPort == 7777)
        #expect(configuration.bindSocket == nil)
        #expect(configuration.compatibility == .concourse)
        #expect(configuration.maxContainers == 250)
        #expect(configuration.requestTimeout == .seconds(300))
        #expect(configuration.privilegedMode == .full)
        #expect(configuration.networkPool.description == "10.80.0.0/16")
        #expect(configuration.bridgeName == "apron0")
        #expect(configuration.mtu == nil)
        #expect(configuration.logLevel == .info)
        #expect(configuration.traceOutput == .none)
        #expect(configuration.traceDetail == .groups)
        #expect(configuration.ignored == [])
        #expect(!configuration.allowHostAccess)
    }

    @Test func flagBeatsEnvironmentBeatsDefault() throws {
        let environment = ["CONCOURSE_BIND_PORT": "1", "CONCOURSE_LOG_LEVEL": "debug"]
        let resolved = try configuration("--bind-port=2", environment: environment)
        #expect(resolved.bindPort == 2)
        #expect(resolved.logLevel == .debug)
        #expect(resolved.summary.contains(.init(name: "bind-port", value: "2", origin: "flag")))
        #expect(resolved.summary.contains(.init(name: "log-level", value: "debug", origin: "environment")))
        #expect(resolved.summary.contains(.init(name: "bind-ip", value: "127.0.0.1", origin: "default")))
    }

    @Test func listsRepeatAsFlagsAndSplitInTheEnvironment() throws {
        let flags = try configuration("--containerd-dns-server", "1.1.1.1", "--containerd-dns-server=::1")
        #expect(flags.dnsServers.map(\.description) == ["1.1.1.1", "::1"])
        let environment = try configuration(environment: [
            "CONCOURSE_CONTAINERD_RESTRICTED_NETWORK": "10.0.0.0/8,169.254.0.0/16",
            "CONCOURSE_CONTAINERD_ALLOWED_DEVICE": "b 7:* rwm,c 10:200 rw",
        ])
        #expect(environment.restrictedNetworks.map(\.description) == ["10.0.0.0/8", "169.254.0.0/16"])
        #expect(environment.allowedDevices.map(\.major) == [7, 10])
        #expect(environment.allowedDevices.map(\.minor) == [nil, 200])
        #expect(environment.allowedDevices.map(\.description) == ["b 7:* rwm", "c 10:200 rw"])
    }

    @Test func zeroMeansNoneWhereTheStockWorkerSaysSo() throws {
        let resolved = try configuration("--containerd-request-timeout", "0", "--containerd-mtu", "0")
        #expect(resolved.requestTimeout == nil)
        #expect(resolved.mtu == nil)
    }

    @Test func emptyVariableIsNone() throws {
        let resolved = try configuration(environment: ["CONCOURSE_BIND_PORT": "", "CONCOURSE_TAG": ""])
        #expect(resolved.bindPort == 7777)
        #expect(resolved.ignored == [])
    }

    @Test func switchesTakeValues() throws {
        #expect(try configuration("--containerd-allow-host-access").allowHostAccess)
        #expect(try configuration("--containerd-allow-host-access=true").allowHostAccess)
        #expect(try !configuration("--containerd-allow-host-access=false").allowHostAccess)
        #expect(
            try configuration(environment: ["CONCOURSE_CONTAINERD_ALLOW_HOST_ACCESS": "TRUE"]).allowHostAccess)
        #expect(try configuration("--ephemeral=false").ignored == [])
    }

    @Test(arguments: [
        (["--bind-port", "65536"], "flag --bind-port must be a port, 0 to 65535, not '65536'"),
        (["--bind-port", "x"], "flag --bind-port must be a port, 0 to 65535, not 'x'"),
        (["--bind-ip", "localhost"], "flag --bind-ip must be an IP address, not 'localhost'"),
        (["--containerd-request-timeout", "5"], "must be a duration such as 30s or 1h30m, not '5'"),
        (["--sweep-interval", "soon"], "must be a duration such as 30s or 1h30m, not 'soon'"),
        (["--containerd-network-pool", "10.80.0.0"], "must be a block of addresses such as 10.80.0.0/16"),
        (
            ["--containerd-network-pool", "10.80.0.0/31"],
            "must be a block of IPv4 addresses, /8 to /30, not '10.80.0.0/31'"
        ),
        (["--containerd-network-pool", "fd00::/64"], "must be a block of IPv4 addresses, /8 to /30, not 'fd00::/64'"),
        (["--default-rootfs", "images/x"], "must be an absolute path, not 'images/x'"),
        (["--containerd-privileged-mode", "some"], "must be one of full, fuse-only, ignore, not 'some'"),
        (["--containerd-allowed-device", "b 7 rwm"], "must be 'type major:minor access'"),
        (["--containerd-mtu", "20"], "must be 0 or at least 68"),
        (["--bridge-name", "a-name-of-16-byt"], "must be 1 to 15 letters, digits, '_' and '-'"),
        (["--bridge-name", "a/b"], "must be 1 to 15 letters"),
        (["--trace-file", "/t"], "--trace-file needs --trace-output"),
        (["--tracing-attribute", "novalue"], "flag --tracing-attribute must be key:value"),
        (["--disable", "everything"], "--disable: everything: no such feature"),
        (["--name"], "flag --name needs a value"),
        (["--bind-prot", "1"], "unknown flag --bind-prot; did you mean --bind-port?"),
        (["--completely-else"], "unknown flag --completely-else"),
        (["start"], "unexpected argument 'start'"),
        (["--"], "unexpected argument '--'"),
        (["--work-dir", "relative"], "flag --work-dir must be an absolute path"),
        (["--work-dir", "/"], "must not be the root directory"),
    ]) func impossibleValueIsRefused(_ arguments: [String], _ sentence: String) throws {
        let found = #expect(throws: UsageError.self) {
            try WorkerConfiguration(
                arguments: ["--work-dir", "/w"] + arguments, environment: [:], hostName: "h")
        }
        #expect(found?.description.contains(sentence) == true, "\(String(describing: found))")
    }

    @Test func workDirectoryIsRequired() {
        let found = #expect(throws: UsageError.self) {
            try WorkerConfiguration(arguments: [], environment: [:], hostName: "h")
        }
        #expect(found?.description.hasPrefix("--work-dir is required") == true)
    }

    @Test func impossibleVariableIsNamed() {
        #expect(
            complaint(environment: ["CONCOURSE_BIND_PORT": "many"])
                == "environment variable CONCOURSE_BIND_PORT must be a port, 0 to 65535, not 'many'")
    }

    @Test func runtimesRefuseEachOthersVariables() {
        let garden = ["CONCOURSE_GARDEN_BIN": "gdn"]
        let containerd = ["CONCOURSE_CONTAINERD_BIN": "containerd"]
        let other = ["CONCOURSE_GARDEN_DEFAULT_ROOTFS": "/r"]
        #expect(
            complaint(environment: garden)
                == "environment variable CONCOURSE_GARDEN_BIN cannot be used with --runtime containerd")
        #expect(complaint(environment: other) != nil)
        #expect(complaint(environment: containerd) == nil)
        #expect(complaint("--runtime", "guardian", environment: garden) == nil)
        #expect(complaint("--runtime", "guardian", environment: other) == nil)
        #expect(complaint("--runtime", "guardian", environment: containerd) != nil)
        #expect(complaint("--runtime", "houdini", environment: containerd) != nil)
    }

    @Test func unknownVariablesAreCollected() throws {
        let resolved = try configuration(environment: [
            "CONCOURSE_BIND_PROT": "1", "APRON_X": "1", "PATH": "/bin", "APRON_GARDEN_COMPAT": "guardian",
        ])
        #expect(resolved.unknownVariables == ["APRON_X", "CONCOURSE_BIND_PROT"])
        #expect(resolved.compatibility == .guardian)
    }

    @Test func ignoredSettingsAreNamedOnceWithoutTheirValues() throws {
        let resolved = try configuration(
            "--tsa-host", "a:1", "--tsa-host", "b:1", environment: ["CONCOURSE_TRACING_STACKDRIVER_PROJECTID": "hush"])
        #expect(resolved.ignored.map(\.flag) == ["--tracing-stackdriver-projectid", "--tsa-host"])
        #expect(!"\(resolved)".contains("hush"))
    }

    @Test func trailingSlashesAreDropped() throws {
        let resolved = try WorkerConfiguration(arguments: ["--work-dir=/a/b//"], environment: [:], hostName: "h")
        #expect(resolved.workDirectory == "/a/b")
    }
}
