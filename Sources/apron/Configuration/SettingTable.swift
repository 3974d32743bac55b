/// Every setting of `apron worker`, in the order in which it is printed.
enum SettingTable {
    /// All of them.
    static let all = worker + containers + network + telemetry + operations + cluster + volumes + guardian

    /// The setting of a flag without its dashes.
    static func named(_ name: String) -> Setting? { byName[name] }

    /// The setting of an environment variable.
    static func variable(_ name: String) -> Setting? { byVariable[name] ?? aliases[name].flatMap(named) }

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
    private static let byVariable = Dictionary(uniqueKeysWithValues: all.map { ($0.variable, $0) })

    private static let worker: [Setting] = [
        .stock(
            "name", .text("NAME"), nil, .worker, "name of the worker in traces and in the cluster (default: host name)"),
        .stock("work-dir", .path("DIR"), nil, .worker, "directory for all that the worker keeps; required"),
        .stock("bind-ip", .address, "127.0.0.1", .worker, "address of the Garden API"),
        .stock("bind-port", .port, "7777", .worker, "port of the Garden API"),
        .own("bind-socket", .path("PATH"), nil, .worker, "serve the Garden API on this Unix socket too"),
        .stock(
            "runtime", .choice(["containerd", "guardian", "houdini"]), "containerd", .worker,
            "which of the stock worker's groups of settings may be given; Apron makes the containers in any case"),
        .own(
            "garden-compat", .choice(["concourse", "guardian"]), "concourse", .worker,
            "whose behaviour to follow where the stock backend and guardian differ"),
        .own(
            "init-bin", .path("PATH"), nil, .worker,
            "program that becomes process 1 of containers (default: ApronInit or apron-init beside apron)"),
        .own(
            "disable", .text("FEATURES"), nil, .worker,
            "kernel features not to use although they are there, with commas between; for tests of older ways"),
        .idle("resource-types", .text("DIR"), nil, .worker, because: noCluster),
        .idle("certs-dir", .text("DIR"), nil, .worker, because: noCluster),
        .idle("external-garden-url", .text("URL"), nil, .worker, because: "Apron is the Garden server"),
        .idle("healthcheck-bind-ip", .address, "0.0.0.0", .worker, because: noHealthCheck),
        .idle("healthcheck-bind-port", .port, "8888", .worker, because: noHealthCheck),
        .idle("healthcheck-timeout", .duration, "5s", .worker, because: noHealthCheck),
    ]

    private static let containers: [Setting] = [
        .own("default-rootfs", .path("DIR"), nil, .containers, "root file system of containers that name none"),
        .stock(
            "containerd-max-containers", .integer(0...1_000_000), "250", .containers,
            "most containers at a time; 0 is no limit"),
        .stock(
            "containerd-request-timeout", .duration, "5m", .containers,
            "longest time that making or changing a container may take; 0 is no limit"),
        .stock(
            "containerd-privileged-mode", .choice(["full", "fuse-only", "ignore"]), "full", .containers,
            "what a privileged container gets: everything, what fuse needs, or nothing more"),
        .stock(
            "containerd-allowed-device", .devices, nil, .containers,
            "device that every container may use, 'type major:minor access'; repeatable"),
        .stock(
            "containerd-seccomp-profile", .path("FILE"), nil, .containers,
            "seccomp profile instead of the built-in one"),
        .idle("containerd-config", .text("FILE"), nil, .containers, because: noContainerd),
        .idle("containerd-bin", .text("PATH"), nil, .containers, because: noContainerd),
        .idle(
            "containerd-init-bin", .text("PATH"), nil, .containers,
            because: "process 1 is Apron's own; --init-bin says where it is"),
        .idle(
            "containerd-cni-plugins-dir", .text("DIR"), nil, .containers,
            because: "Apron makes networks itself, without CNI plugins"),
        .idle("containerd-oci-hooks-dir", .text("DIR"), nil, .containers, because: "OCI hooks are not run"),
        .idle("containerd-log-level", .text("LEVEL"), "info", .containers, because: noContainerd),
    ]

    private static let network: [Setting] = [
        .stock("containerd-network-pool", .block, "10.80.0.0/16", .network, "IPv4 addresses of containers"),
        .own("bridge-name", .text("NAME"), "apron0", .network, "bridge that containers are connected to"),
        .stock(
            "containerd-mtu", .integer(0...65535), "0", .network,
            "largest packet in bytes; 0 takes that of the outbound interface"),
        .stock(
            "containerd-dns-server", .list(.address), nil, .network,
            "name server of containers instead of the host's; repeatable"),
        .stock(
            "containerd-additional-hosts", .list(.text("'IP NAME…'")), nil, .network,
            "line for /etc/hosts of containers; repeatable"),
        .stock(
            "containerd-restricted-network", .list(.block), nil, .network,
            "network that containers cannot reach; repeatable"),
        .stock(
            "containerd-allow-host-access", .boolean, "false", .network, "let containers reach the host's own addresses"
        ),
        .idle(
            "containerd-external-ip", .address, nil, .network,
            because: "only the MTU depended on it; see --containerd-mtu"),
        .idle("containerd-dns-proxy-enable", .boolean, "false", .network, because: noDNSProxy),
        .idle("containerd-v6-enable", .boolean, "false", .network, because: noIPv6),
        .idle("containerd-v6-pool", .block, "fd9c:31a6:c759::/64", .network, because: noIPv6),
        .idle("containerd-v6-disable-masquerade", .boolean, "false", .network, because: noIPv6),
    ]

    private static let noCluster = "this version does not join a cluster"
    private static let noHealthCheck = "this version serves no health check; ask the Garden API for /ping"
    private static let noContainerd = "Apron makes containers itself, without containerd"
    private static let noDNSProxy = "this version has no DNS proxy; see --containerd-dns-server"
    private static let noIPv6 = "this version gives containers IPv4 addresses only"
}
