import InitProtocol
import Kernel
import Synchronization
import TestSupport
import Testing

@testable import Runtime

/// Process 1 without a worker: what goes wrong inside it is told with system call, errno and subject, and it ends with
/// its daemon while its container is half made.
@Suite(.hostUnchanged, .serialized) struct LaunchSetupTests {
    private let devices = LaunchPlan.FileSystem("nosuchfs", on: "/x", attributes: 0)

    @Test func everyOperationTellsWhatFailed() throws {
        let file = try KernelFile.open("/dev/null")
        let cases: [(LaunchPlan.Operation, String, String, String?)] = [
            (.fileSystem(devices), "fsopen", "ENODEV", "nosuchfs on /x"),
            (
                .fileSystem(.init("tmpfs", options: ["nonsense=1"], on: "/x", attributes: 0)), "fsconfig", "EINVAL",
                "tmpfs on /x"
            ),
            (.hostName(String(repeating: "h", count: 65)), "sethostname", "EINVAL", String(repeating: "h", count: 65)),
            (.netlink([1, 2, 3]), "netlink", "EINVAL", "in the container's network namespace"),
            (.netlink([UInt8](repeating: 0, count: 64)), "netlink", "EINVAL", "in the container's network namespace"),
            // RTM_NEWADDR without an address.
            (
                .netlink([24, 0, 0, 0, 20, 0, 5, 0] + [UInt8](repeating: 0, count: 8) + [2, 0, 0, 0, 0, 0, 0, 0]),
                "netlink", "EINVAL", nil
            ),
            (.attachRoot(descriptor: file.number), "move_mount", "EINVAL", "/"),
            (.pivot, "fchdir", "EBADF", "/"),
            (.mask("/proc/kcore"), "openat2", "EBADF", "/proc/kcore"),
            (
                .attach(descriptor: file.number, target: "/x", isFile: false, isDeviceTree: false), "openat2", "EBADF",
                "/x"
            ),
        ]
        for (operation, call, errno, subject) in cases {
            try withProcess { process in
                var plan = LaunchPlan()
                plan.operations = [.becomeRoot, .privateMounts, operation]
                let error = kernelError { try process.setUp(plan, since: bootTime(), spans: StepSpans()) }
                #expect(error?.call == call && error?.errno.name == errno, "\(operation): \(error as Any)")
                if let subject { #expect(error?.subject == subject) }
                // It can be tried once only, and no program starts in what is half made.
                #expect(
                    kernelError { try process.setUp(plan, since: bootTime(), spans: StepSpans()) }?.errno == .invalid)
            }
        }
    }

    @Test func documentsAreChecked() throws {
        try withProcess { process in
            let garbage: [[UInt8]] = [
                [0], Array("APLN".utf8), Array("APLN".utf8) + [UInt8](repeating: 0xff, count: 64),
            ]
            for bytes in garbage {
                let file = try Memfd.sealed("garbage", bytes)
                let reply = try process.connection.request(
                    InitFrame(.init(2)), descriptors: [file.descriptor.number])
                #expect(reply.frame.error == ErrorNumber.invalid.rawValue)
            }
            let unknown = try process.connection.request(InitFrame(.init(4711)))
            #expect(unknown.frame.error == ErrorNumber.invalid.rawValue)
        }
    }

    @Test(arguments: [false, true]) func endsWithItsDaemon(afterFailure: Bool) async throws {
        let (pidfd, cgroup) = try start { process in
            if afterFailure {
                var plan = LaunchPlan()
                plan.operations = [.fileSystem(devices)]
                _ = kernelError { try process.setUp(plan, since: bootTime(), spans: StepSpans()) }
            }
        }
        // The connection is closed by now.
        let hasEnded = try pidfd.with { (pidfd: borrowing Descriptor) throws(KernelError) in
            let hasEnded = try waitForExit(of: pidfd, milliseconds: 30_000)
            if !hasEnded { try sendSignal(9, to: pidfd) }
            _ = try waitForExit(of: pidfd, milliseconds: 30_000)
            try reapChild(pidfd)
            return hasEnded
        }
        #expect(hasEnded)
        try remove(cgroup)
    }

    // MARK: -

    private static let parent = "aprontest-setup"

    private func start(_ body: (InitProcess) throws -> Void) throws -> (SharedDescriptor, ContainerCgroup) {
        let scratch = try Scratch()
        let cgroup = try CgroupHierarchy.detect(parent: Self.parent).create(handle: "bare")
        let process = try InitProcess.launch(
            image: InitImage(path: LaunchSite.program("ApronInit")), directory: scratch.directory,
            map: IdentityMap.ofThisProcess(), cgroup: cgroup, onExit: { _ in }, onEnd: {})
        try body(process)
        return (process.descriptor, cgroup)
    }

    private func withProcess(_ body: (InitProcess) throws -> Void) throws {
        let (_, cgroup) = try start { process in
            defer {
                try? process.kill()
                _ = try? process.waitForEnd(milliseconds: 30_000)
            }
            try body(process)
        }
        try remove(cgroup)
    }

    private func remove(_ cgroup: ContainerCgroup) throws {
        try cgroup.remove()
        try runProgram(
            "sh", "-c", "find /sys/fs/cgroup -depth -type d -name \(Self.parent) -exec rmdir {} + 2>/dev/null || true")
    }
}
