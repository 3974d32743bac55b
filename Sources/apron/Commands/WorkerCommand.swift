internal import ArgumentParser
internal import Kernel

/// `apron worker`: serves the Garden and Baggageclaim APIs until a signal comes.
struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Serve the Garden and Baggageclaim APIs: make containers and keep volumes on this machine.",
        // The flags are those of the table of settings, so is the help.
        helpNames: [])

    @Argument(parsing: .captureForPassthrough, help: "See 'apron worker --help'.")
    var flags: [String] = []

    /// Exit code for settings that cannot be used (EX_USAGE of sysexits.h).
    private static let usageExit: Int32 = 64

    func run() async throws {
        switch flags.first(where: { ["-h", "--help", "--help=markdown", "--version"].contains($0) }) {
        case "--help=markdown": return print(SettingHelp.markdown)
        case "--version": return print("apron \(Apron.version)")
        case .some: return print(SettingHelp.text)
        case nil: break
        }
        let configuration: WorkerConfiguration
        do {
            let environment = try CurrentProcess.environment()
            configuration = try WorkerConfiguration(
                arguments: flags, environment: environment, hostName: CurrentProcess.hostName)
            // Keys and passwords are in there, and every child would inherit them.
            for name in environment.keys where ["CONCOURSE_", "APRON_", "OTEL_"].contains(where: name.hasPrefix) {
                CurrentProcess.removeFromEnvironment(name)
            }
        } catch let error as UsageError {
            try? StandardStream.error.write("apron worker: \(error)\nSee 'apron worker --help'.\n")
            throw ExitCode(Self.usageExit)
        }
        do {
            try await WorkerStart(configuration).run()
        } catch {
            try? StandardStream.error.write("apron worker: \(error)\n")
            throw ExitCode.failure
        }
    }
}
