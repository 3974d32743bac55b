/// The groups that are accepted as a whole and have no effect in this version.
extension SettingTable {
    static let cluster: [Setting] = [
        .idle("tag", .list(.text("TAG")), nil, .cluster, because: noRegistration),
        .idle("team", .text("TEAM"), nil, .cluster, because: noRegistration),
        .idle("http-proxy", .text("URL"), nil, .cluster, because: noRegistration, variable: "http_proxy"),
        .idle("https-proxy", .text("URL"), nil, .cluster, because: noRegistration, variable: "https_proxy"),
        .idle("no-proxy", .text("HOSTS"), nil, .cluster, because: noRegistration, variable: "no_proxy"),
        .idle("ephemeral", .boolean, "false", .cluster, because: noRegistration),
        .idle("max-active-tasks", .integer(0...Int.max), "0", .cluster, because: noRegistration),
        .idle("tsa-host", .list(.text("HOST:PORT")), "127.0.0.1:2222", .cluster, because: noRegistration),
        .idle("tsa-public-key", .text("FILE"), nil, .cluster, because: noRegistration),
        .idle("tsa-worker-private-key", .text("FILE"), nil, .cluster, because: noRegistration),
        .idle("sweep-interval", .duration, "30s", .cluster, because: noRegistration),
        .idle("volume-sweeper-max-in-flight", .integer(0...65535), "3", .cluster, because: noRegistration),
        .idle("container-sweeper-max-in-flight", .integer(0...65535), "5", .cluster, because: noRegistration),
        .idle("rebalance-interval", .duration, "4h", .cluster, because: noRegistration),
        .idle("connection-drain-timeout", .duration, "1h", .cluster, because: noRegistration),
    ]

    static let volumes: [Setting] = [
        .idle("baggageclaim-log-level", .text("LEVEL"), "info", .volumes, because: noVolumes),
        .idle("baggageclaim-bind-ip", .address, "127.0.0.1", .volumes, because: noVolumes),
        .idle("baggageclaim-bind-port", .port, "7788", .volumes, because: noVolumes),
        .idle("baggageclaim-debug-bind-ip", .address, "127.0.0.1", .volumes, because: noVolumes),
        .idle("baggageclaim-debug-bind-port", .port, "7787", .volumes, because: noVolumes),
        .idle("baggageclaim-p2p-interface-name-pattern", .text("PATTERN"), "eth0", .volumes, because: noVolumes),
        .idle("baggageclaim-p2p-interface-family", .choice(["4", "6"]), "4", .volumes, because: noVolumes),
        .idle(
            "baggageclaim-driver", .choice(["detect", "naive", "btrfs", "overlay"]), "detect", .volumes,
            because: noVolumes),
        .idle("baggageclaim-btrfs-bin", .text("PATH"), "btrfs", .volumes, because: noVolumes),
        .idle("baggageclaim-mkfs-bin", .text("PATH"), "mkfs.btrfs", .volumes, because: noVolumes),
        .idle("baggageclaim-volumes", .text("DIR"), nil, .volumes, because: "volumes are always under --work-dir"),
        .idle("baggageclaim-overlays-dir", .text("DIR"), nil, .volumes, because: "volumes are always under --work-dir"),
        .idle("baggageclaim-disable-user-namespaces", .boolean, "false", .volumes, because: noVolumes),
    ]

    static let guardian: [Setting] = [
        .idle("garden-bin", .text("PATH"), "gdn", .guardian, because: noGuardian),
        .idle("garden-config", .text("FILE"), nil, .guardian, because: noGuardian),
        .idle("garden-request-timeout", .duration, "5m", .guardian, because: noGuardian),
        .idle("garden-dns-proxy-enable", .boolean, "false", .guardian, because: noGuardian),
        .idle("garden-network-pool", .block, "10.80.0.0/16", .guardian, because: noGuardian),
        .idle("garden-max-containers", .integer(0...1_000_000), "250", .guardian, because: noGuardian),
    ]

    private static let noRegistration = "this version does not join a cluster"
    private static let noVolumes = "this version does not serve the Baggageclaim API"
    private static let noGuardian = "Apron makes containers itself, without guardian"
}
