import Foundation
import Kernel
import TestSupport
import Testing

extension Conformance {
    /// A worker inside a worker's container, as those have it that run their workers in a cluster.
    @Suite struct Nested {
        @Test(.ownWorker) func aWorkerInsideAContainerIsAWorker() throws {
            let scratch = try Scratch()
            // The host's own userland, since the program to run may need its libraries.
            let spec: [String: Any] = [
                "rootfs": "/", "privileged": true, "netout_rules": [[:]],
                "bind_mounts": try [scratch.path, Roots.shared.image(), Nested.programs(), Nested.libraries()].map {
                    ["src_path": $0, "dst_path": $0, "mode": 1]
                },
            ]
            try withWorker(compatibility: "concourse") { outer in
                let garden = outer.garden
                try garden.withContainer(spec) { handle in
                    let inner = WorkerAddress(
                        host: try #require(try garden.info(handle)["ContainerIP"].string), port: 7777)
                    let worker = try garden.run(
                        handle,
                        [
                            "id": "worker", "path": try Roots.binary(),
                            "args": [
                                "worker", "--work-dir", scratch.path, "--default-rootfs", try Roots.shared.image(),
                                "--bind-ip", "0.0.0.0", "--garden-compat", "guardian", "--operations-bind-port", "0",
                                "--containerd-network-pool", "10.199.0.0/24", "--bridge-name", "inner0",
                            ],
                        ]
                    ).opened()
                    try Nested.live(in: Garden(address: inner), by: worker)
                    #expect(try garden.output(handle, "ls /sys/class/net").stdout.contains("eth0"))
                    try garden.ask("PUT", "/containers/\(handle)/stop", ["kill": false])
                    #expect(try worker.exit() == 0)
                }
            }
        }

        /// Containers of the inner worker: limited, unprivileged and privileged, each with a network of its own.
        private static func live(in garden: Garden, by worker: ProgramStream) throws {
            var attempts = 0
            while (try? garden.call("GET", "/ping"))?.status != 200 {
                attempts += 1
                guard attempts < 600 else {
                    try worker.signal(9)
                    let said = try [worker.stdout, worker.stderr].map { try $0?.restText() ?? "" }
                    throw Wire.Failure(description: "no answer; it said: \(said.joined())")
                }
                Thread.sleep(forTimeInterval: 0.1)
            }
            for privileged in [false, true] {
                let limits = ["memory_limits": ["limit_in_bytes": 48 << 20], "pid_limits": ["max": 40]]
                try garden.withContainer(["privileged": privileged, "limits": limits]) { handle in
                    let shown = try garden.output(handle, "id -u; hostname; ls /sys/class/net; exit 3")
                    #expect(shown.status == 3)
                    #expect(shown.stdout == "0\n\(handle)\neth0\nlo\n")
                }
            }
            #expect(try garden.handles().isEmpty)
        }

        /// Where the worker's programs are; mounted by themselves, since they may be on another file system.
        private static func programs() throws -> String {
            URL(filePath: try Roots.binary()).resolvingSymlinksInPath().deletingLastPathComponent().path()
        }

        /// Where Swift's libraries are: not with the distribution's.
        private static func libraries() throws -> String {
            let maps = try KernelFile.read("/proc/self/maps").split(separator: "\n")
            let core = try #require(
                maps.compactMap { $0.split(separator: " ").last }.first { $0.contains("libswiftCore") })
            return URL(filePath: String(core)).deletingLastPathComponent().path()
        }
    }
}
