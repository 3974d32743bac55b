internal import API
internal import ArgumentParser
internal import Kernel
internal import Storage

/// `apron baggageclaim`: volumes alone, for containers that another program runs.
struct BaggageclaimCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "baggageclaim",
        abstract: "Serve the Baggageclaim API alone: volumes for containers that another program runs.",
        discussion: """
            Takes the stock server's flags. Every volume is mounted at its path, and stays so when the server ends: the \
            next one on the same directory finds it again. A log line 'baggageclaim.listening' says that connections are \
            accepted.

            EXAMPLES:
              apron baggageclaim --volumes /var/lib/volumes
              apron baggageclaim --volumes /var/lib/volumes --bind-ip 10.0.0.5 --bind-port 7788 --log-level debug
            """)

    @Option(name: .customLong("log-level"), help: "Least severe lines to log.")
    var logLevel = LogLevel.info

    @Option(name: .customLong("bind-ip"), help: "Address of the API.")
    var bindAddress = "127.0.0.1"

    @Option(name: .customLong("bind-port"), help: "Port of the API; 0 lets the kernel choose.")
    var bindPort: UInt16 = 7788

    @Option(
        name: .customLong("p2p-interface-name-pattern"),
        help: "Regular expression for the interface by which other workers reach this one.")
    var peerInterface = "eth0"

    @Option(name: .customLong("p2p-interface-family"), help: "4 or 6: the kind of address that other workers reach.")
    var peerFamily = 4

    @Option(help: ArgumentHelp("Directory for volumes; required.", valueName: "dir"))
    var volumes: String

    @Flag(
        name: .customLong("disable-user-namespaces"),
        help: "Leave owners of all files as they are: unprivileged containers have no user namespace.")
    var disablesUserNamespaces = false

    @Option(
        name: .customLong("volume-reserve"),
        help: "What volumes leave free of the disk, such as 10GiB or 10% (default: 5%, at most 2GiB).")
    var reserve: String?

    @Option(name: .customLong("init-bin"), help: "Program that makes user namespaces (default: beside apron).")
    var initProgram: String?

    @Option(name: .customLong("archive-bin"), help: "Program that packs and unpacks (default: beside apron).")
    var archiveProgram: String?

    @Option(help: "Kernel features not to use although they are there, with commas between.")
    var disable = ""

    // Of the stock server, without effect here.
    @Option(help: "Accepted; volumes are stacks of layers on any file system.")
    var driver: String?

    @Option(name: .customLong("overlays-dir"), help: "Accepted; all is below --volumes.")
    var overlaysDirectory: String?

    @Option(name: .customLong("btrfs-bin"), help: "Accepted; no btrfs is made.")
    var btrfsProgram: String?

    @Option(name: .customLong("mkfs-bin"), help: "Accepted; no btrfs is made.")
    var mkfsProgram: String?

    @Option(name: .customLong("debug-bind-ip"), help: "Accepted; there are no Go profiles to serve.")
    var debugBindAddress: String?

    @Option(name: .customLong("debug-bind-port"), help: "Accepted; there are no Go profiles to serve.")
    var debugBindPort: UInt16?

    func validate() throws {
        if !volumes.hasPrefix("/") { throw ValidationError("--volumes must be an absolute path, not '\(volumes)'") }
        if let driver, !Self.drivers.contains(driver) {
            throw ValidationError("--driver must be one of \(Self.drivers.joined(separator: ", ")), not '\(driver)'")
        }
        do { _ = try Features.disabled(by: disable) } catch {
            throw ValidationError("--disable: \(error.subject ?? error.description)")
        }
        do { _ = try settings().peers() } catch { throw ValidationError("\(error)") }
    }

    private static let drivers = ["detect", "naive", "btrfs", "overlay"]

    /// The settings that the flags make.
    /// - Throws: ``UsageError`` with the flag at fault
    func settings() throws(UsageError) -> VolumeConfiguration {
        guard let address = InternetAddress(bindAddress) else {
            throw UsageError("--bind-ip must be an IP address, not '\(bindAddress)'")
        }
        guard let family = PeerSettings.Family(rawValue: peerFamily) else {
            throw UsageError("--p2p-interface-family must be 4 or 6, not '\(peerFamily)'")
        }
        var size: SpaceReserve.Size?
        if let reserve {
            size = SpaceReserve.Size(reserve)
            if size == nil {
                throw UsageError(
                    "--volume-reserve must be a size such as 10GiB or a share such as 10%, not '\(reserve)'")
            }
        }
        return VolumeConfiguration(
            bindAddress: address, bindPort: Int(bindPort), peerInterface: peerInterface, peerFamily: family,
            usesUserNamespaces: !disablesUserNamespaces, reserve: size, archiveProgram: archiveProgram)
    }

    /// Flags that were given and have no effect, with the reason.
    var ignored: [WorkerConfiguration.Ignored] {
        var ignored: [WorkerConfiguration.Ignored] = []
        if let driver, driver != "detect" {
            ignored.append(.init(flag: "--driver", reason: "volumes are stacks of layers on any file system"))
        }
        if overlaysDirectory != nil { ignored.append(.init(flag: "--overlays-dir", reason: "all is below --volumes")) }
        return ignored
    }

    func run() async throws {
        do { try await BaggageclaimStart(self).run() } catch {
            try? StandardStream.error.write("apron baggageclaim: \(error)\n")
            throw ExitCode.failure
        }
    }
}
