internal import Kernel
internal import Runtime
internal import Worker

/// All settings of a worker, checked; plain values that the start hands to the parts.
struct WorkerConfiguration: Sendable {
    /// `--name`: the worker's name; the host's name by default.
    var name: String
    /// `--work-dir`: absolute directory for all that the worker keeps.
    var workDirectory: String
    /// `--bind-ip`: address of the Garden API.
    var bindAddress: InternetAddress
    /// `--bind-port`: port of the Garden API; 0 lets the kernel choose.
    var bindPort: Int
    /// `--bind-socket`: absolute path of a Unix socket that serves the Garden API too.
    var bindSocket: String?
    /// `--garden-compat`: whose behaviour is followed where the stock backend and guardian differ.
    var compatibility: Compatibility
    /// `--init-bin`: absolute path of process 1's program; nil: beside the executable.
    var initProgram: String?
    /// `--disable`: kernel features that are not used although they are there, with commas between; empty: none.
    var disabledFeatures: String

    /// `--default-rootfs`: absolute directory of the root of containers that name none.
    var defaultRootfs: String?
    /// `--containerd-max-containers`: most containers at a time; 0 is no limit.
    var maxContainers: Int
    /// `--containerd-request-timeout`: longest time a change of a container may take; nil is no limit.
    var requestTimeout: Duration?
    /// `--containerd-privileged-mode`: what a privileged container gets.
    var privilegedMode: PrivilegedMode
    /// `--containerd-allowed-device`: devices that every container may use, besides the usual ones.
    var allowedDevices: [DeviceRule]
    /// `--containerd-seccomp-profile`: absolute path of a profile instead of the built-in one.
    var seccompProfile: String?

    /// `--containerd-network-pool`: IPv4 addresses of containers, /8 to /30.
    var networkPool: CIDR
    /// `--bridge-name`: the bridge that containers are connected to; at most 15 bytes.
    var bridgeName: String
    /// `--containerd-mtu`: largest packet in bytes; nil takes the outbound interface's.
    var mtu: Int?
    /// `--containerd-dns-server`: name servers of containers; empty: the host's.
    var dnsServers: [InternetAddress]
    /// `--containerd-additional-hosts`: lines for the containers' /etc/hosts, `IP NAME…`.
    var additionalHosts: [String]
    /// `--containerd-restricted-network`: networks that containers cannot reach.
    var restrictedNetworks: [AddressBlock]
    /// `--containerd-allow-host-access`: whether containers reach the host's own addresses.
    var allowHostAccess: Bool

    /// The settings of volumes.
    var volumes: VolumeConfiguration
    /// The settings of what an operator looks at.
    var operations: OperationsConfiguration

    /// `--log-level`: the least severe lines that are logged.
    var logLevel: LogLevel
    /// `--trace-output`: how finished traces are written.
    var traceOutput: TraceOutput
    /// `--trace-file`: absolute path that traces are appended to; nil is standard error.
    var traceFile: String?
    /// `--trace-detail`: how fine the spans of a container's set-up are.
    var traceDetail: TraceDetail
    /// `--trace-process-parent`: programs get the context of their own span.
    var traceProcessParent: Bool
    /// What is recorded and where it goes.
    var telemetry: TelemetrySettings

    /// Flags that were given and have no effect, with the reason; each is logged once.
    var ignored: [Ignored]
    /// `CONCOURSE_…` and `APRON_…` variables that mean nothing to Apron; logged once.
    var unknownVariables: [String]
    /// Every setting with an effect, its value as text and where it came from; secrets are hidden.
    var summary: [Resolved]
}

extension WorkerConfiguration {
    /// What a privileged container gets.
    enum PrivilegedMode: String, Sendable, CaseIterable {
        /// Everything that root on the host has.
        case full
        /// What it needs to mount by fuse.
        case fuseOnly = "fuse-only"
        /// What unprivileged containers get.
        case ignore
    }

    /// How finished traces are written.
    enum TraceOutput: String, Sendable, CaseIterable {
        case none, text
        case otlpJSON = "otlp-json"
    }

    /// How fine the spans of a container's set-up are.
    enum TraceDetail: String, Sendable, CaseIterable {
        /// Six groups of steps; single system calls appear when they fail or are slow.
        case groups
        /// Every system call.
        case syscalls
    }

    /// A flag without effect.
    struct Ignored: Sendable, Hashable {
        /// The flag with its dashes, or the variable's name when there is no flag.
        let flag: String
        /// Why it has no effect.
        let reason: String
    }

    /// A setting in force.
    struct Resolved: Sendable, Hashable {
        /// The flag without dashes, or the variable's name when there is no flag.
        let name: String
        /// Its value as text; `***` for secrets, empty for none.
        let value: String
        /// `flag`, `environment` or `default`.
        let origin: String
    }
}
