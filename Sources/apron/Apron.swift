internal import ArgumentParser
internal import Kernel

/// Where the program begins.
@main
enum Main {
    static func main() async {
        // Before anything is opened: it could become descriptor 0, 1 or 2 and be written to as a standard stream.
        try? CurrentProcess.openMissingStandardStreams()
        CurrentProcess.ignoreBrokenPipes()
        await Apron.main(arguments(Array(CommandLine.arguments.dropFirst())))
    }

    /// `apron help worker` prints what `apron worker --help` prints, which is made from the table of settings.
    static func arguments(_ given: [String]) -> [String] {
        given == ["help", "worker"] ? ["worker", "--help"] : given
    }
}

/// The command line.
struct Apron: AsyncParsableCommand {
    /// The version of this program.
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "apron",
        abstract: "Park, load and prepare Linux containers, with every phase timed.",
        discussion: """
            EXAMPLES:
              apron worker --work-dir /var/lib/apron
              apron run --image /srv/images/busybox --timing -- sh -c 'echo hello'
              apron volumes --work-dir /var/lib/apron
              apron trace my-container
              apron top

            Settings of the worker have environment variables too; see 'apron worker --help'.
            """,
        version: "apron \(version)",
        subcommands: [
            WorkerCommand.self, RunCommand.self, BaggageclaimCommand.self, VolumesCommand.self, TraceCommand.self,
            TopCommand.self,
        ])
}
