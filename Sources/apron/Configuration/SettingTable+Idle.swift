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

    static let guardian: [Setting] = [
        .idle("garden-bin", .text("PATH"), "gdn", .guardian, because: noGuardian),
        .idle("garden-config", .text("FILE"), nil, .guardian, because: noGuardian),
        .idle("garden-request-timeout", .duration, "5m", .guardian, because: noGuardian),
        .idle("garden-dns-proxy-enable", .boolean, "false", .guardian, because: noGuardian),
        .idle("garden-network-pool", .block, "10.80.0.0/16", .guardian, because: noGuardian),
        .idle("garden-max-containers", .integer(0...1_000_000), "250", .guardian, because: noGuardian),
    ]

    private static let noRegistration = "this version does not join a cluster"
    private static let noGuardian = "Apron makes containers itself, without guardian"
}
