internal import API
internal import Kernel
internal import Logging
internal import ServiceLifecycle
internal import Worker

/// Makes the HTTP server of the worker's containers.
func makeServer(_ configuration: WorkerConfiguration, _ parts: WorkerParts, logger: Logger) throws -> any Service {
    var addresses: [ListenAddress] = [
        .tcp(host: configuration.bindAddress.description, port: configuration.bindPort)
    ]
    if let path = configuration.bindSocket { addresses.append(.unix(path: path)) }
    var server = APIServer.Configuration(addresses: addresses)
    // A year stands for no limit.
    server.requestTimeout = configuration.requestTimeout ?? .seconds(365 * 24 * 3600)
    let directory = configuration.workDirectory
    let garden = GardenRoutes(
        parts.containers, compatibility: configuration.compatibility, capacity: { hostCapacity(of: directory) },
        logger: logger)
    return APIServer(server, groups: [garden.group], logger: logger) { address in
        logger.info("listening", metadata: ["api": "garden", "address": "\(address)"])
    }
}

/// Makes the HTTP server of volumes.
/// - Parameter announcement: the log line when connections are accepted
func makeVolumeServer(
    _ configuration: VolumeConfiguration, _ volumes: any Volumes, announcement: String = "listening", logger: Logger
) throws -> any Service {
    var server = APIServer.Configuration(addresses: [
        .tcp(host: configuration.bindAddress.description, port: configuration.bindPort)
    ])
    // A stream in has no other limit than its client's patience; a year stands for none.
    server.requestTimeout = .seconds(365 * 24 * 3600)
    let routes = BaggageclaimRoutes(volumes, peers: try configuration.peers(), logger: logger)
    return APIServer(server, groups: [routes.group], logger: logger) { address in
        logger.info("\(announcement)", metadata: ["api": "baggageclaim", "address": "\(address)"])
    }
}

extension VolumeConfiguration {
    /// Says so when others than this host reach the volumes.
    func warnIfOpen(_ logger: Logger) {
        if bindAddress.isLoopback { return }
        logger.warning(
            "the Baggageclaim API is open to the network, and whoever reaches it reads and changes every volume",
            metadata: ["bind-ip": "\(bindAddress)"])
    }
}

/// What the host has to give: its memory, and the file system of the work directory. Zero where it cannot be found out.
private func hostCapacity(of directory: String) -> HostCapacity {
    let memory = (try? KernelFile.read("/proc/meminfo"))?.split(separator: "\n").first { $0.hasPrefix("MemTotal:") }
    let kibibytes = memory?.split(separator: " ").dropFirst().first.flatMap { UInt64($0) } ?? 0
    let disk = (try? Directory(directory).space())?.bytes ?? 0
    return HostCapacity(memoryBytes: kibibytes * 1024, diskBytes: disk)
}
