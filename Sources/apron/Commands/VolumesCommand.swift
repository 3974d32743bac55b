internal import ArgumentParser
internal import Kernel
internal import Storage
internal import Worker

/// `apron volumes`: looks at a worker's volumes on the disk, be the worker there or not.
struct VolumesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "volumes",
        abstract: "Show the volumes of a worker on this machine, whether it runs or not.",
        discussion: """
            EXAMPLES:
              apron volumes --work-dir /var/lib/apron
              apron volumes inspect 5f2b… --work-dir /var/lib/apron
              apron volumes --volumes /var/lib/volumes --json      # of 'apron baggageclaim'
            """,
        subcommands: [ListVolumes.self, InspectVolume.self], defaultSubcommand: ListVolumes.self)
}

/// Where the volumes are, and how they are shown.
struct VolumePlace: ParsableArguments {
    @Option(
        name: .customLong("work-dir"),
        help: "The worker's directory (environment: CONCOURSE_WORK_DIR).")
    var workDirectory: String?

    @Option(help: ArgumentHelp("The directory of 'apron baggageclaim', instead.", valueName: "dir"))
    var volumes: String?

    @Flag(help: "Print JSON.")
    var json = false

    /// Reads what is there.
    /// - Throws: ``UsageError`` when no directory is named
    func read(environment: [String: String]) throws -> [VolumeOverview] {
        let workDirectory = workDirectory ?? environment["CONCOURSE_WORK_DIR"]
        guard let path = volumes ?? workDirectory.map(VolumeConfiguration.directory) else {
            throw UsageError("--work-dir is required: the directory of the worker")
        }
        let catalogue = try VolumeCatalogue(reading: path)
        for failure in catalogue.failures { try? StandardStream.error.write("apron volumes: \(failure)\n") }
        let users = volumes == nil ? ContainerPaths.read(workDirectory: workDirectory ?? "") : []
        return catalogue.records.map { VolumeOverview($0, in: catalogue, users: users, now: realTime()) }
    }
}

/// `apron volumes list`, which is meant without a word, too.
struct ListVolumes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "One line a volume.",
        discussion: """
            OWN BYTES counts the layers that no other volume has: what destroying it would free. All files are looked \
            at, which takes a while where there are many.

            EXAMPLE:
              apron volumes list --work-dir /var/lib/apron --json
            """)

    @OptionGroup var place: VolumePlace

    func run() async throws {
        try report {
            let volumes = try place.read(environment: CurrentProcess.environment())
            return place.json ? try VolumeTable.json(volumes) : VolumeTable.text(volumes)
        }
    }
}

/// `apron volumes inspect HANDLE`.
struct InspectVolume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "All that is known of a volume: its layers, children, users, trace.",
        discussion: """
            EXAMPLE:
              apron volumes inspect 5f2b… --work-dir /var/lib/apron
            """)

    @Argument(help: "The volume; the first letters do when no other begins so.")
    var handle: String

    @OptionGroup var place: VolumePlace

    func run() async throws {
        try report {
            let volumes = try place.read(environment: CurrentProcess.environment())
            let volume = try InspectVolume.select(handle, in: volumes.map(\.handle)).flatMap { wanted in
                volumes.first { $0.handle == wanted }
            }
            guard let volume else { throw UsageError("no volume is called '\(handle)'") }
            return place.json ? try VolumeTable.json(volume) : VolumeTable.details(volume)
        }
    }

    /// The handle that is meant; nil when there is none.
    /// - Throws: ``UsageError`` when several begin so
    static func select(_ wanted: String, in handles: [String]) throws(UsageError) -> String? {
        if handles.contains(wanted) { return wanted }
        let found = handles.filter { $0.hasPrefix(wanted) }
        if found.count > 1 { throw UsageError("\(found.count) volumes begin with '\(wanted)'") }
        return found.first
    }
}

/// Prints what `body` makes, or why it could not.
private func report(_ body: () throws -> String) throws {
    do { try StandardStream.output.write(body() + "\n") } catch {
        try? StandardStream.error.write("apron volumes: \(error)\n")
        throw ExitCode.failure
    }
}
