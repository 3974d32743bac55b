/// The settings of what an operator looks at.
extension SettingTable {
    static let operations: [Setting] = [
        .own(
            "operations-bind-ip", .address, "127.0.0.1", .operations,
            "address of the operations page, its JSON, and /metrics; whoever reaches it sees every command line"),
        .own("operations-bind-port", .port, "7776", .operations, "port of the operations page; 0 switches it off"),
        .own(
            "operations-host", .list(.text("NAME")), nil, .operations,
            "name by which browsers and scrapers may call the page, besides its address and localhost; repeatable"),
        .own(
            "operations-keep-spans", .integer(0...10_000_000), "50000", .operations,
            "most spans that are kept in memory for the page, the oldest traces go first"),
        .own(
            "operations-keep-bytes", .text("SIZE"), "32MiB", .operations,
            "most memory that they may take, such as 32MiB"),
        .stock(
            "debug-bind-ip", .address, nil, .operations,
            "the stock worker's name for --operations-bind-ip, which beats it"),
        .stock(
            "debug-bind-port", .port, nil, .operations,
            "the stock worker's name for --operations-bind-port, which beats it"),
    ]
}
