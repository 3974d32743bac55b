internal import ArgumentParser
internal import Kernel

/// Where the program begins.
@main
enum Main {
    static func main() async {
        // Before anything is opened: it could become descriptor 0, 1 or 2 and be written to as a standard stream.
        try? CurrentProcess.openMissingStandardStreams()
        CurrentProcess.ignoreBrokenPipes()
        let arguments = arguments(Array(CommandLine.arguments.dropFirst()))
        if let command = runCommand(arguments) {
            CurrentProcess.shareOneHeap()
            Confinement.end(await command.outcome())
        }
        await Apron.main(arguments)
    }

    /// The command of `apron run` when nothing is wrong with its options. It is read as a command line of its own, which
    /// takes less time than the tree of all commands does; help, and words for mistakes, are left to that.
    static func runCommand(_ arguments: [String]) -> RunCommand? {
        guard arguments.first == "run" else { return nil }
        return (try? RunCommand.parseAsRoot(Array(arguments.dropFirst()))) as? RunCommand
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
