import Foundation
import Kernel
import Synchronization
import TestSupport

/// A worker with everything of its own: directory, port, bridge, addresses, cgroups.
final class WorkerUnderTest: Sendable {
    /// How long a worker may take to answer, or to be gone.
    private static let secondsMax = 120.0

    let address: WorkerAddress
    let garden: Garden
    let volumes: Baggageclaim
    /// Where its page is.
    let operations: WorkerAddress
    let roots: Roots
    /// The address pool, as in `10.210.0.0/16`.
    let pool: String
    let bridge: String
    private let name: String
    private let flags: [String]
    private let environment: [String]
    private let scratch: Scratch
    private let process = Mutex<Launched?>(nil)

    private struct Launched: Sendable {
        let pid: Int32
        let descriptor: SharedDescriptor
    }

    /// Prepares a worker; nothing runs yet.
    /// - Parameter environment: variables besides PATH, `KEY=value`
    init(compatibility: String = "guardian", flags: [String] = [], environment: [String] = []) throws {
        let number = Int.random(in: 0..<0xffff)
        name = "apron-conformance-\(number)"
        bridge = "apc\(String(number, radix: 16))"
        pool = "10.\(201 + number % 50).0.0/16"
        address = try WorkerAddress.free()
        garden = Garden(address: address)
        volumes = Baggageclaim(address: try WorkerAddress.free())
        operations = try WorkerAddress.free()
        scratch = try Scratch()
        roots = Roots.shared
        self.environment = environment
        self.flags = ["--garden-compat", compatibility] + flags
    }

    // MARK: life

    var pid: Int32? { process.withLock { $0?.pid } }
    var logPath: String { "\(scratch.path)/log" }
    var workDirectory: String { "\(scratch.path)/work" }

    /// What the worker said, from all its lives.
    var log: String { (try? KernelFile.read(logPath)) ?? "" }

    /// The end of what it said of failures.
    var complaints: String {
        log.split(separator: "\n").filter { !$0.contains(#""level":"info""#) }.suffix(6).joined(separator: "\n")
    }

    /// Starts it and returns when it answers.
    func start() throws {
        try launch()
        try poll("the worker on port \(address.port) to answer; it said: \(log.suffix(2000))") {
            guard try !self.hasEnded() else {
                throw Wire.Failure(description: "the worker ended at its start: \(self.log)")
            }
            return (try? self.garden.call("GET", "/ping"))?.status == 200
                && (try? self.volumes.call("GET", "/volumes"))?.status == 200
        }
    }

    /// Starts it and returns at once.
    func launch() throws {
        _ = try scratch.directory.makeIfMissing("work", mode: 0o755)
        let program = try KernelFile.open("/bin/sh")
        let null = try KernelFile.open("/dev/null")
        let log = try scratch.directory.openFile("log", [.writeOnly, .create, .append], mode: 0o600)
        let child = try ChildProcess.start(
            program: program,
            arguments: ["sh", "-c", WorkerUnderTest.inOwnGroups, "sh", name, try Roots.binary(), "worker"]
                + arguments(),
            environment: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"] + environment,
            namespaces: [],
            descriptors: [null.number, log.number, log.number], keepsCapabilities: false)
        let launched = Launched(pid: child.pid, descriptor: SharedDescriptor(try child.descriptor.duplicate()))
        process.withLock { $0 = launched }
    }

    /// Workers of several tests and of the host must not take each other's groups for leftovers. On v2 the controllers
    /// are handed down first.
    private static let inOwnGroups = """
        group=$1; shift
        while read -r device point type rest; do
            case $type in
            cgroup2)
                for controller in $(cat $point/cgroup.controllers); do
                    echo +$controller >$point/cgroup.subtree_control
                done 2>/dev/null
                mkdir -p $point/$group && echo $$ >$point/$group/cgroup.procs ;;
            cgroup) mkdir -p $point/$group && echo $$ >$point/$group/cgroup.procs ;;
            esac
        done </proc/mounts
        exec "$@"
        """

    private func arguments() throws -> [String] {
        [
            "--work-dir", workDirectory, "--bind-port", "\(address.port)", "--bridge-name", bridge,
            "--baggageclaim-bind-port", "\(volumes.address.port)", "--operations-bind-port", "\(operations.port)",
            "--containerd-network-pool", pool, "--default-rootfs", try roots.image(), "--log-level", "debug",
        ] + flags
    }

    private func hasEnded() throws -> Bool {
        guard let launched = process.withLock({ $0 }) else { return true }
        return try launched.descriptor.with { (pidfd: borrowing Descriptor) throws(KernelError) in
            try waitForExit(of: pidfd, milliseconds: 0)
        }
    }

    /// Sends a signal and waits for the worker's end.
    func end(by signal: Int32) throws {
        guard let launched = process.withLock({ $0 }) else { return }
        try launched.descriptor.with { (pidfd: borrowing Descriptor) throws(KernelError) in
            _ = try sendSignal(signal, to: pidfd)
        }
        try poll("the worker to end after signal \(signal)") { try self.hasEnded() }
        try launched.descriptor.with { (pidfd: borrowing Descriptor) throws(KernelError) in try reapChild(pidfd) }
        process.withLock { $0 = nil }
    }

    func restart(by signal: Int32 = 9) throws {
        try end(by: signal)
        try start()
    }

    // MARK: containers from outside

    /// The number of a container's process 1 on the host: the one of its cgroup that has no parent in it.
    func processOne(of handle: String) throws -> Int32 {
        let definition = try KernelFile.read("\(workDirectory)/containers/live/\(handle)/container.json")
        guard let pid = try JSON(parsing: Array(definition.utf8))["pid"].integer else {
            throw Wire.Failure(description: "no pid in \(definition)")
        }
        return Int32(pid)
    }

    func killProcessOne(of handle: String) throws { try kill(pid: try processOne(of: handle)) }

    func kill(pid: Int32) throws {
        guard let descriptor = try openProcess(pid) else { return }
        try sendSignal(9, to: descriptor)
    }

    /// A directory of the host with one file in it, to be mounted.
    func makeSource() throws -> String {
        let path = try scratch.makeDirectories("source")
        try Directory(path).write("file", Array("x\n".utf8), mode: 0o644)
        return path
    }

    /// Returns when everything that was removed is deleted, which happens in the background.
    func waitForDeletions() throws {
        for place in ["containers", "images", "volumes"] {
            try poll("removed \(place) to be deleted") {
                (try? Directory("\(workDirectory)/\(place)/dead").isEmpty()) ?? true
            }
        }
    }

    // MARK: the end

    /// Destroys what is left, stops the worker and answers what remains of it, one line each.
    func close() throws -> [String] {
        var remains: [String] = []
        if pid != nil {
            for handle in try garden.handles() {
                remains.append("container \(handle)")
                try? garden.destroy(handle)
            }
            for handle in try volumes.handles() {
                remains.append("volume \(handle)")
                try? volumes.destroy(handle)
            }
            // A worker that ends leaves to the next one what it has not deleted yet.
            try waitForDeletions()
            try end(by: 15)
        }
        let deadline = Date.now.addingTimeInterval(WorkerUnderTest.secondsMax)
        var left = leftovers()
        while !left.isEmpty, Date.now < deadline {
            Thread.sleep(forTimeInterval: 0.05)
            left = leftovers()
        }
        removeShared()
        return try remains + left + sharedLeftovers()
    }

    /// What containers were made of and must not be there any more.
    private func leftovers() -> [String] {
        var found =
            (try? MountTable().entries)?.map(\.point).filter { $0.hasPrefix(workDirectory) }.map { "mount \($0)" } ?? []
        found += groups().map { "cgroup \($0)" }
        let links = (try? Directory("/sys/class/net/\(bridge)/brif").entries()) ?? []
        found += links.map { "link \($0)" }
        for name in ["containers/init", "containers/live", "containers/dead"]
            + ["volumes/init", "volumes/live", "volumes/dead", "volumes/layers", "volumes/mounts"]
        {
            let entries = (try? Directory("\(workDirectory)/\(name)").entries()) ?? []
            found += entries.map { "state \(name)/\($0)" }
        }
        return found
    }

    /// Containers' groups.
    private func groups() -> [String] {
        hierarchies().flatMap { point -> [String] in
            let path = "\(point)/\(name)/apron"
            guard let directory = try? Directory(path) else { return [] }
            return ((try? directory.entries()) ?? []).filter { (try? directory.status($0).kind) == .directory }
                .map { "\(path)/\($0)" }
        }
    }

    private func hierarchies() -> [String] {
        (try? MountTable().entries)?.filter { $0.type == "cgroup" || $0.type == "cgroup2" }.map(\.point) ?? []
    }

    /// Bridge, firewall tables and groups outlive a worker on purpose, since its containers go on.
    private func removeShared() {
        _ = try? runProgram("ip", "link", "delete", bridge)
        for family in ["inet", "arp"] { _ = try? runProgram("nft", "delete", "table", family, "apron_\(bridge)") }
        _ = try? Directory("/run/apron").removeTree(bridge)
        for point in hierarchies() {
            for path in ["\(point)/\(name)/apron", "\(point)/\(name)/apron-daemon", "\(point)/\(name)"] {
                _ = try? runProgram("rmdir", path)
            }
        }
    }

    /// What could not be removed, such as a group with processes in it.
    private func sharedLeftovers() throws -> [String] {
        let tables = try runProgram("nft", "list", "tables").split(separator: "\n").map(String.init)
        let groups = hierarchies().map { "\($0)/\(name)" }.filter { (try? Directory($0)) != nil }
        let links = try Directory("/sys/class/net").entries()
        return tables.filter { $0.hasSuffix(" apron_\(bridge)") } + groups.map { "cgroup \($0)" }
            + links.filter { $0 == bridge }.map { "link \($0)" }
    }

    // MARK: waiting

    /// Waits until `condition` holds, for much longer than it can take.
    func poll(_ what: @autoclosure () -> String, until condition: () throws -> Bool) throws {
        let deadline = Date.now.addingTimeInterval(WorkerUnderTest.secondsMax)
        while try !condition() {
            guard Date.now < deadline else { throw Wire.Failure(description: "waited in vain for \(what())") }
            Thread.sleep(forTimeInterval: 0.005)
        }
    }
}
