internal import API
internal import Kernel
internal import Logging
internal import ServiceLifecycle
internal import Telemetry
internal import Worker

/// Makes the server of what an operator looks at; nil when it is switched off.
func makeOperationsServer(
    _ configuration: WorkerConfiguration, _ parts: WorkerParts, logger: Logger
) -> (any Service)? {
    Telemetry.store.setLimits(configuration.operations.limits)
    guard let port = configuration.operations.bindPort, let overview = parts.overview else { return nil }
    let address = configuration.operations.bindAddress
    var facts = WorkerFacts(
        name: configuration.name, version: Apron.version, started: realTime(),
        processID: HostReading.processID, processors: HostReading.processors)
    if let release = HostReading.kernelRelease { facts.add("Linux", release) }
    facts.add("Garden", "\(configuration.bindAddress):\(configuration.bindPort)")
    facts.add("Baggageclaim", "\(configuration.volumes.bindAddress):\(configuration.volumes.bindPort)")
    facts.add("Work directory", configuration.workDirectory)
    let directory = configuration.workDirectory
    let sources = OperationsRoutes.Sources(
        overview: overview, host: { HostReading.state(of: directory) }, worker: facts)
    let routes = OperationsRoutes(sources, address: address.description, names: configuration.operations.hosts)
    let server = APIServer(
        APIServer.Configuration(addresses: [.tcp(host: address.description, port: port)]), groups: [routes.group],
        logger: logger
    ) { address in
        logger.info("listening", metadata: ["api": "operations", "address": "\(address)", "url": "http://\(address)/"])
    }
    if !address.isLoopback {
        logger.warning(
            "the operations page is open to the network, and whoever reaches it sees what runs here",
            metadata: ["operations-bind-ip": "\(address)"])
    }
    return OperationsService(server: server, logger: logger, address: "\(address):\(port)")
}

/// The server, whose failure does not end the worker: containers matter more than looking at them.
private struct OperationsService: Service {
    let server: APIServer
    let logger: Logger
    let address: String

    func run() async throws {
        do { try await server.run() } catch {
            logger.error(
                "the operations page is not served: \(error)", metadata: ["address": "\(address)"])
            try? await gracefulShutdown()
        }
    }
}

/// What the kernel says of the host.
private enum HostReading {
    static func state(of directory: String) -> HostState {
        var state = HostState()
        state.processorPressure = read("/proc/pressure/cpu").flatMap(HostState.Pressure.init(parsing:))
        state.memoryPressure = read("/proc/pressure/memory").flatMap(HostState.Pressure.init(parsing:))
        state.diskPressure = read("/proc/pressure/io").flatMap(HostState.Pressure.init(parsing:))
        let memory = read("/proc/meminfo") ?? ""
        state.memoryBytes = bytes("MemTotal:", in: memory)
        state.memoryAvailable = bytes("MemAvailable:", in: memory)
        state.load = read("/proc/loadavg")?.split(separator: " ").first.flatMap { Double($0) }
        if let space = try? Directory(directory).space() {
            state.diskBytes = space.bytes
            state.diskAvailable = space.bytesAvailable
        }
        return state
    }

    /// Lines of /proc/stat that count one processor.
    static var processors: Int {
        let count = read("/proc/stat")?.split(separator: "\n").count { line in
            line.hasPrefix("cpu") && !line.hasPrefix("cpu ")
        }
        return max(count ?? 1, 1)
    }

    /// The number of this process.
    static var processID: Int32 {
        read("/proc/self/stat")?.split(separator: " ").first.flatMap { Int32($0) } ?? 0
    }

    static var kernelRelease: String? {
        read("/proc/sys/kernel/osrelease")?.split(separator: "\n").first.map(String.init)
    }

    private static func read(_ path: String) -> String? { try? KernelFile.read(path) }

    /// A line of /proc/meminfo, which counts in KiB.
    private static func bytes(_ name: String, in text: String) -> UInt64? {
        text.split(separator: "\n").first { $0.hasPrefix(name) }
            .flatMap { UInt64($0.split(separator: " ").dropFirst().first ?? "") }.map { $0 * 1024 }
    }
}
