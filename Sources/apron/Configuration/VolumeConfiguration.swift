internal import API
internal import Storage
internal import Worker

/// The settings of volumes, checked.
struct VolumeConfiguration: Sendable {
    /// `--baggageclaim-bind-ip`: address of the Baggageclaim API.
    var bindAddress: InternetAddress
    /// `--baggageclaim-bind-port`: its port; 0 lets the kernel choose.
    var bindPort: Int
    /// `--baggageclaim-p2p-interface-name-pattern`: regular expression for the interface that other workers reach.
    var peerInterface: String
    /// `--baggageclaim-p2p-interface-family`: the kind of address that they are given.
    var peerFamily: PeerSettings.Family
    /// Not `--baggageclaim-disable-user-namespaces`: whether unprivileged containers have a user namespace.
    var usesUserNamespaces: Bool
    /// `--volume-reserve`: what stays free of the disk; nil: the usual.
    var reserve: SpaceReserve.Size?
    /// `--archive-bin`: absolute path of the program that packs and unpacks; nil: beside the executable.
    var archiveProgram: String?

    /// How other workers reach this one.
    /// - Throws: ``UsageError`` for a pattern that is no regular expression
    func peers() throws(UsageError) -> PeerSettings {
        do { return try PeerSettings(interfacePattern: peerInterface, family: peerFamily, port: bindPort) } catch {
            throw UsageError("the pattern of interfaces is no regular expression: '\(peerInterface)'")
        }
    }

    /// The settings as the worker's domain takes them.
    /// - Parameter directory: where volumes lie
    func settings(directory: String) -> VolumeSettings {
        var settings = VolumeSettings(directory: directory, archivePath: archiveProgram ?? "")
        settings.usesUserNamespaces = usesUserNamespaces
        settings.reserve = reserve
        return settings
    }

    /// Where a worker keeps its volumes.
    static func directory(below workDirectory: String) -> String { "\(workDirectory)/volumes" }
}

extension VolumeConfiguration {
    /// Takes the settings out of those of a worker.
    init(_ values: SettingValues) throws(UsageError) {
        bindAddress = values.value("baggageclaim-bind-ip", InternetAddress.init)
        bindPort = values.value("baggageclaim-bind-port") { Int($0) }
        peerInterface = values.value("baggageclaim-p2p-interface-name-pattern") { $0 }
        peerFamily = values.value("baggageclaim-p2p-interface-family") { Int($0).flatMap(PeerSettings.Family.init) }
        usesUserNamespaces = !values.value("baggageclaim-disable-user-namespaces", GoBoolean.parse)
        reserve = try values.text("volume-reserve").map { (text) throws(UsageError) in
            guard let size = SpaceReserve.Size(text) else {
                throw UsageError("--volume-reserve must be a size such as 10GiB or a share such as 10%, not '\(text)'")
            }
            return size
        }
        archiveProgram = values.text("archive-bin")
        _ = try peers()
    }
}

extension SpaceReserve.Size {
    /// Reads `10GiB`, `5%` or `0`; nil for anything else, and for more than the whole disk.
    init?(_ text: String) {
        if text == "0" {
            self = .bytes(0)
        } else if text.hasSuffix("%") {
            guard let percent = Double(text.dropLast()), (0.0...100.0).contains(percent) else { return nil }
            self = .percent(percent)
        } else {
            guard let size = ByteSize(text) else { return nil }
            self = .bytes(size.bytes)
        }
    }
}
