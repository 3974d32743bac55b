/// The settings of volumes.
extension SettingTable {
    static let volumes: [Setting] = [
        .stock("baggageclaim-bind-ip", .address, "127.0.0.1", .volumes, "address of the Baggageclaim API"),
        .stock("baggageclaim-bind-port", .port, "7788", .volumes, "port of the Baggageclaim API"),
        .stock(
            "baggageclaim-p2p-interface-name-pattern", .text("PATTERN"), "eth0", .volumes,
            "regular expression for the interface by which other workers reach this one"),
        .stock(
            "baggageclaim-p2p-interface-family", .choice(["4", "6"]), "4", .volumes,
            "IPv4 or IPv6 for what other workers reach"),
        .stock(
            "baggageclaim-disable-user-namespaces", .boolean, "false", .volumes,
            "leave owners of all files as they are, for hosts whose unprivileged containers have no user namespace"),
        .own(
            "volume-reserve", .text("SIZE|PERCENT%"), nil, .volumes,
            "what volumes leave free of the disk, such as 10GiB or 10% (default: 5%, at most 2GiB)"),
        .own(
            "archive-bin", .path("PATH"), nil, .volumes,
            "program that packs and unpacks archives (default: ApronArchive or apron-archive beside apron)"),
        .idle(
            "baggageclaim-driver", .choice(["detect", "naive", "btrfs", "overlay"]), "detect", .volumes,
            because: "volumes are stacks of layers on any file system: shown as they are, or joined by overlayfs; none "
                + "is copied and none needs btrfs"),
        .idle("baggageclaim-btrfs-bin", .text("PATH"), "btrfs", .volumes, because: noBtrfs),
        .idle("baggageclaim-mkfs-bin", .text("PATH"), "mkfs.btrfs", .volumes, because: noBtrfs),
        .idle("baggageclaim-volumes", .text("DIR"), nil, .volumes, because: "volumes are always under --work-dir"),
        .idle("baggageclaim-overlays-dir", .text("DIR"), nil, .volumes, because: "volumes are always under --work-dir"),
        .idle(
            "baggageclaim-log-level", .text("LEVEL"), "info", .volumes,
            because: "--log-level counts for the whole worker"),
        .idle("baggageclaim-debug-bind-ip", .address, "127.0.0.1", .volumes, because: noProfiles),
        .idle("baggageclaim-debug-bind-port", .port, "7787", .volumes, because: noProfiles),
    ]

    private static let noBtrfs = "no btrfs file system is made for volumes"
    private static let noProfiles = "there are no Go profiles to serve"
}
