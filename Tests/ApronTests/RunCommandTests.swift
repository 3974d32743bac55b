import ArgumentParser
import Kernel
import Testing
import Worker

@testable import apron

@Suite struct RunCommandTests {
    /// As the program reads it at once, which must not differ from what the tree of all commands makes of it.
    private func parse(_ arguments: String...) throws -> RunCommand {
        let command = try #require(Main.runCommand(["run"] + arguments))
        let inTree = try #require(try Apron.parseAsRoot(["run"] + arguments) as? RunCommand)
        #expect("\(command)" == "\(inTree)")
        return command
    }

    @Test func everyOptionReachesItsRequest() throws {
        let command = try parse(
            "--image", "rootfs", "--name", "n", "--privileged", "--memory", "512M", "--cpu", "1.5", "--pids", "9",
            "--network", "none", "--env", "A=1", "--env=B", "--env", "C", "--mount", "/s:/d", "--mount", ".:/e:ro",
            "--user", "u:g", "--dir", "/w", "--tty", "--", "sh", "-c", "exit 3", "--", "--tty")
        let size = WindowSize(columns: 100, rows: 30)
        let request = try command.request(environment: [:], size: size)
        let container = request.container(workingDirectory: "/home/x")
        #expect(container.handle == "n")
        #expect(container.rootfs == "/home/x/rootfs")
        #expect(container.privileged)
        #expect(container.limits.memoryBytes == 512 << 20)
        #expect(container.limits.cpuQuota == 1.5)
        #expect(container.limits.pids == 9)
        #expect(!container.network)
        #expect(
            container.bindMounts == [
                .init(source: "/s", destination: "/d", writable: true),
                .init(source: "/home/x", destination: "/e", writable: false),
            ])
        let process = request.process(callersEnvironment: ["B": "2", "TERM": "vt100"])
        #expect(process.path == "sh")
        #expect(process.arguments == ["-c", "exit 3", "--", "--tty"])
        #expect(process.environment == ["A=1", "B=2", "TERM=vt100"])
        #expect(process.user == "u:g")
        #expect(process.directory == "/w")
        #expect(process.terminal == size)
    }

    @Test func programNeedsNoSeparator() throws {
        let command = try parse("--image", "/i", "ls", "-l", "--timing")
        #expect(command.command == ["ls", "-l", "--timing"])
        #expect(!command.timing)
        #expect(try command.request(environment: [:], size: nil).terminal == nil)
    }

    @Test func imageMayComeFromTheEnvironment() throws {
        let command = try parse("--", "true")
        let request = try command.request(environment: ["APRON_DEFAULT_ROOTFS": "/i"], size: nil)
        #expect(request.image == "/i")
    }

    @Test func withoutImageTheBaseIsTakenIfItIsThere() throws {
        let command = try parse("--", "true")
        #expect(try command.request(environment: [:], size: nil, base: "/usr").image == "/usr")
        let error = #expect(throws: UsageError.self) {
            try command.request(environment: [:], size: nil, base: "/nowhere/rootfs")
        }
        #expect(error.map { "\($0)" }?.contains("/nowhere/rootfs is not there: make it with rootfs/build") == true)
    }

    @Test(arguments: [
        [], ["--image", "/i"], ["--memory", "0", "--", "a"], ["--cpu", "0", "--", "a"], ["--cpu", "nan", "--", "a"],
        ["--pids", "0", "--", "a"], ["--network", "host", "--", "a"], ["--mount", "/s", "--", "a"],
        ["--mount", "/s:d", "--", "a"], ["--mount", "/s:/d:rx", "--", "a"], ["--dir", "w", "--", "a"],
        ["--work-dir", "w", "--", "a"], ["--env", "=x", "--", "a"], ["--traceparent", "00-1", "--", "a"],
        ["--unknown", "--", "a"], ["--name", "", "--", "a"],
    ]) func impossibleOptionsAreRefused(_ arguments: [String]) {
        let error = #expect(throws: (any Error).self) { try Apron.parseAsRoot(["run"] + arguments) }
        if let error { #expect(Apron.exitCode(for: error).rawValue == 64) }
        #expect(Main.runCommand(["run"] + arguments) == nil)
    }

    @Test func helpIsPrintedForEachCommand() {
        for arguments in [["--help"], ["run", "--help"], ["run", "--tty", "-h"], ["help", "run"]] {
            do {
                var command = try Apron.parseAsRoot(arguments)
                try command.run()
                Issue.record("no help for \(arguments)")
            } catch {
                #expect(Apron.exitCode(for: error).rawValue == 0)
                #expect(Apron.fullMessage(for: error).contains("EXAMPLES:"))
            }
            #expect(Main.runCommand(arguments) == nil)
        }
        #expect(Main.arguments(["help", "worker"]) == ["worker", "--help"])
    }

    @Test(
        arguments: [
            (WorkerError(.executableNotFound, "m"), 127),
            (WorkerError(.executableNotFound, "m", cause: KernelError(call: "execve", errno: .noEntry)), 127),
            (WorkerError(.executableNotFound, "m", cause: KernelError(call: "execve", errno: .access)), 126),
            (WorkerError(.executableNotFound, "m", cause: KernelError(call: "execve", errno: .executableFormat)), 126),
            (WorkerError(.failed, "m", cause: KernelError(call: "mount", errno: .access)), 125),
        ] as [(WorkerError, Int32)]) func exitCodesTellWhatFailed(_ error: WorkerError, _ code: Int32)
    {
        #expect(RunExit.code(for: error) == code)
    }
}
