internal import ArgumentParser
internal import Kernel
internal import Telemetry
internal import Worker

/// `apron run`: one program in a container of its own.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        // For when it is read as a command line of its own (Main), which is not looked at for completions of shells.
        _superCommandName: "apron",
        abstract: "Run a program in a container of its own and remove the container afterwards.",
        discussion: """
            The exit code is the program's; 128 + N when signal N ended it; 125 when Apron failed, 126 when the program \
            cannot be executed, 127 when there is none.

            EXAMPLES:
              apron run -- sh -c 'echo hello'
              apron run --image ./rootfs --memory 512M --cpu 1.5 --mount .:/src:ro --dir /src -- make test
              apron run --image ./rootfs --tty -- sh
              apron run --image ./rootfs --timing -- true          # what each phase took
            """)

    @Option(
        help: """
            Directory with the root file system; it is not changed (environment: APRON_DEFAULT_ROOTFS; default: \
            \(RunCommand.baseImage), which rootfs/build makes).
            """)
    var image: String?

    @Option(help: "Name of the container, which is its host name too.")
    var name: String?

    @Flag(help: "No user namespace, all capabilities.")
    var privileged = false

    @Option(help: "Most memory, for instance 512M or 2GiB.")
    var memory: ByteSize?

    @Option(help: "Processors' worth of time, for instance 1.5.")
    var cpu: Double?

    @Option(help: "Most processes and threads at a time.")
    var pids: UInt64?

    @Option(help: "none: no way out of the container; bridge: connected to the host's network.")
    var network = RunNetwork.bridge

    @Option(name: .customLong("env"), help: "Variable for the program, K=V, or K for the caller's value; repeatable.")
    var environment: [String] = []

    @Option(name: .customLong("mount"), help: "Directory or file of the host, SRC:DST[:ro]; repeatable.")
    var mounts: [RunRequest.Mount] = []

    @Flag(help: "Run on a terminal.")
    var tty = false

    @Option(help: "User of the program: name, name:group, uid or uid:gid.")
    var user = ""

    @Option(name: .customLong("dir"), help: "Working directory of the program.")
    var directory = ""

    @Option(help: "W3C trace context to continue (environment: TRACEPARENT).")
    var traceparent: String?

    @Flag(help: "Print what each phase took on standard error.")
    var timing = false

    @Option(name: .customLong("work-dir"), help: "Directory for what runs keep while they run.")
    var workDirectory = "/var/lib/apron/run"

    @Option(name: .customLong("log-level"), help: "Least severe lines to log on standard error.")
    var logLevel = LogLevel.warn

    @Argument(parsing: .captureForPassthrough, help: ArgumentHelp("Program and its arguments.", valueName: "program"))
    var command: [String] = []

    mutating func validate() throws {
        // Capturing the program's own flags captures these, too.
        if let flag = command.first, ["-h", "--help"].contains(flag) { throw CleanExit.helpRequest(self) }
        if command.first == "--" { command.removeFirst() }
        if command.isEmpty { throw ValidationError("a program to run is missing, for instance: -- sh -c 'echo hello'") }
        if let flag = command.first, flag.hasPrefix("-") { throw ValidationError("unknown option '\(flag)'") }
        if let cpu, !(cpu > 0 && cpu.isFinite) { throw ValidationError("--cpu must be more than 0, not \(cpu)") }
        if pids == 0 { throw ValidationError("--pids must be 1 or more") }
        if !workDirectory.hasPrefix("/") { throw ValidationError("--work-dir must be an absolute path") }
        if !directory.isEmpty, !directory.hasPrefix("/") { throw ValidationError("--dir must be an absolute path") }
        if let name, name.isEmpty || name.utf8.count > 64 { throw ValidationError("--name must have 1 to 64 bytes") }
        for entry in environment where entry.isEmpty || entry.hasPrefix("=") {
            throw ValidationError("--env must be K=V or K, not '\(entry)'")
        }
        if let traceparent, TraceContext(traceparent: [traceparent], tracestate: []) == nil {
            throw ValidationError("--traceparent is no W3C trace context: '\(traceparent)'")
        }
    }

    func run() async throws { throw ExitCode(await outcome()) }

    /// Runs the program; the exit code to end with. What went wrong is written to standard error.
    func outcome() async -> Int32 {
        do {
            return try await RunStart(self, environment: CurrentProcess.environment()).run()
        } catch {
            try? StandardStream.error.write("apron run: \(error)\n")
            return RunExit.code(for: error)
        }
    }

    /// The request that the options make.
    /// - Throws: ``UsageError`` when no image is named and the base image is not there.
    func request(
        environment callers: [String: String], size: WindowSize?, base: String = RunCommand.baseImage
    ) throws(UsageError) -> RunRequest {
        let image = image ?? callers["APRON_DEFAULT_ROOTFS"] ?? base
        if image == base, (try? Directory(image)) == nil {
            throw UsageError("\(image) is not there: make it with rootfs/build, or name a directory with --image")
        }
        var request = RunRequest(image: image, command: command)
        request.name = name
        request.privileged = privileged
        request.memory = memory
        request.cpu = cpu
        request.pids = pids
        request.network = network == .bridge
        request.environment = environment
        request.mounts = mounts
        request.user = user
        request.directory = directory
        if tty { request.terminal = size ?? RunCommand.sizeWithoutTerminal }
        return request
    }

    /// Where `rootfs/build` puts the base root file system.
    static let baseImage = "/var/lib/apron/rootfs"

    /// What programs assume when nobody tells them.
    private static let sizeWithoutTerminal = WindowSize(columns: 80, rows: 24)
}

/// What a run is connected to.
enum RunNetwork: String, ExpressibleByArgument, CaseIterable {
    case none, bridge
}

extension ByteSize: ExpressibleByArgument {
    init?(argument: String) { self.init(argument) }
}

extension RunRequest.Mount: ExpressibleByArgument {
    init?(argument: String) { self.init(argument) }
}

extension LogLevel: ExpressibleByArgument {
    init?(argument: String) { self.init(word: argument) }
}
