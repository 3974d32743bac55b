import TestSupport
import Testing

extension Conformance {
    /// Names, network, mounts: what a container is made of.
    @Suite struct Surroundings {
        @Test func namesAreTheHandle() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer { handle in
                let address = try garden.info(handle)["ContainerIP"].string ?? ""
                #expect(try garden.output(handle, "hostname; cat /etc/hostname").stdout == "\(handle)\n\(handle)\n")
                #expect(
                    try garden.output(handle, "cat /etc/hosts").stdout
                        == "127.0.0.1 localhost\n\(address) \(handle)\n")
                #expect(try garden.output(handle, "echo '1.2.3.4 x' >>/etc/hosts && echo ok").stdout == "ok\n")
            }
        }

        @Test(arguments: [50, 64, 65, 100])
        func longNamesKeepTheirEnd(length: Int) throws {
            let garden = try SharedWorker.garden
            let handle =
                String((Garden.newHandle() + String(repeating: "abcdefghi-", count: 10)).prefix(length - 1)) + "z"
            try garden.withContainer(["handle": handle]) { handle in
                let name = try garden.output(handle, "hostname").stdout
                #expect(name == (length > 64 ? "\(handle.suffix(49))\n" : "\(handle)\n"))
            }
        }

        @Test func theNetworkIsThere() throws {
            let garden = try SharedWorker.garden
            try garden.withContainer(["netout_rules": [["networks": [["start": "0.0.0.0", "end": "255.255.255.255"]]]]])
            {
                handle in
                let address = try garden.info(handle)["ContainerIP"].string ?? ""
                let shown = try garden.output(
                    handle,
                    "ip -4 -o addr show eth0; ip route; ip -o link show lo; ping -c 1 -w 5 127.0.0.1 >/dev/null && echo up"
                )
                #expect(shown.stdout.contains("\(address)/"))
                #expect(shown.stdout.contains("default via"))
                #expect(shown.stdout.hasSuffix("up\n"))
                #expect(try garden.output(handle, "cat /etc/resolv.conf").status == 0)
            }
        }

        /// What somebody has restricted stays so, although each launch keeps to one processor for a moment.
        @Test(.ownWorker) func processorsAreThoseOfTheWorker() throws {
            let show = "grep Cpus_allowed_list /proc/self/status"
            let all = try runProgram("sh", "-c", show)
            let shared = try SharedWorker.garden
            try shared.withContainer { handle in
                for _ in 0..<3 {
                    let shown = try shared.output(handle, show).stdout
                    #expect(shown == all)
                }
            }
            try withWorker { worker in
                let pid = try #require(worker.pid)
                try runProgram("taskset", "--all-tasks", "--cpu-list", "--pid", "0", "\(pid)")
                for _ in 0..<2 {
                    try worker.garden.withContainer { handle in
                        let shown = try worker.garden.output(handle, show).stdout
                        #expect(shown == "Cpus_allowed_list:\t0\n")
                    }
                }
                let threads = "grep -h Cpus_allowed_list /proc/\(pid)/task/*/status | sort -u"
                #expect(try runProgram("sh", "-c", threads) == "Cpus_allowed_list:\t0\n")
            }
        }

        @Test(.ownWorker) func hermeticContainersHaveNoNetwork() throws {
            try withWorker(compatibility: "concourse") { worker in
                let garden = worker.garden
                let root = "raw://\(try worker.roots.copy(privileged: false))"
                try garden.withContainer(["rootfs": root]) { handle in
                    let shown = try garden.output(
                        handle, "ls /sys/class/net; cat /etc/resolv.conf; ip route; cat /etc/hosts")
                    #expect(shown.stdout == "lo\n127.0.0.1 localhost\n")
                    #expect(try garden.info(handle)["ContainerIP"].string == "")
                }
                let empty = try garden.call("POST", "/containers", "{}")
                #expect(empty.text.contains("rootfs must not be empty"))
            }
        }

        /// The stock worker's habits, with roots used in place.
        @Test(.ownWorker, arguments: [false, true])
        func concourseHabitsAreFollowed(privileged: Bool) throws {
            try withWorker(compatibility: "concourse") { worker in
                let garden = worker.garden
                let path = try worker.roots.copy(privileged: privileged)
                let spec: [String: Any] = [
                    "rootfs": "raw://\(path)", "privileged": privileged, "netout_rules": [[:]],
                    "limits": ["cpu_limits": ["limit_in_shares": 512]],
                ]
                try garden.withContainer(spec) { handle in
                    #expect(try garden.output(handle, "pwd; echo $USER:$HOME").stdout == "/\n:/root\n")
                    let alice = try garden.output(
                        handle, "pwd; echo $USER:$HOME", ["user": "alice", "env": ["USER=x"]])
                    #expect(alice.stdout == "/\nalice:/home/alice\n")
                    #expect(try garden.call("GET", "/containers/\(handle)/limits/cpu").text == "{\"weight\":512}\n")
                    #expect(try garden.output(handle, "touch /mine && stat -c %u /mine").stdout == "0\n")
                    #expect(try garden.call("GET", "/containers/\(handle)/properties/k").text.contains("not found: k"))
                    let task = try garden.run(
                        handle, script: "stty size",
                        ["id": "task", "tty": ["window_size": ["columns": 500, "rows": 500]]])
                    #expect(try task.outcome().stdout == "500 500\r\n")
                }
                // A root that is used in place is not cleaned up.
                let owner = try fileOwner("\(path)/mine")
                #expect(owner == (privileged ? 0 : Roots.rootID))
            }
        }

        @Test(.ownWorker) func bindMountsAreMade() throws {
            try withWorker { worker in
                let garden = worker.garden
                let source = try worker.makeSource()
                let spec: [String: Any] = [
                    "bind_mounts": [
                        ["src_path": source, "dst_path": "/scratch/rw", "mode": 1],
                        ["src_path": source, "dst_path": "/scratch/ro"],
                        ["src_path": "\(source)/file", "dst_path": "/etc/one-file"],
                    ],
                    "privileged": true,
                ]
                try garden.withContainer(spec) { handle throws in
                    #expect(
                        try garden.output(handle, "cat /scratch/rw/file /scratch/ro/file /etc/one-file").stdout
                            == "x\nx\nx\n")
                    #expect(
                        try garden.output(handle, "touch /scratch/rw/new && ls /scratch/ro").stdout == "file\nnew\n")
                    #expect(try garden.output(handle, "touch /scratch/ro/no").stderr.contains("Read-only"))
                }
                let missing = try garden.call(
                    "POST", "/containers", JSON.encode(["bind_mounts": [["src_path": "/no/such", "dst_path": "/x"]]]))
                #expect(missing.status == 500)
                #expect(try missing.json()["Message"].string?.contains("/no/such") == true)
            }
        }

        @Test(arguments: [false, true])
        func theUsualFilesAreThere(privileged: Bool) throws {
            let garden = try SharedWorker.garden
            try garden.withContainer(["privileged": privileged]) { handle in
                let script = """
                    for f in null zero full random urandom tty ptmx; do test -c /dev/$f || echo no $f; done
                    for f in fd stdin stdout stderr; do test -e /dev/$f || echo no $f; done
                    for d in proc sys dev/pts dev/shm dev/mqueue; do grep -q " /$d " /proc/mounts || echo no $d; done
                    echo x >/dev/null; head -c 1 /dev/zero >/dev/null; echo x >/dev/shm/x
                    mknod /tmp/disk b 8 0 2>/dev/null && head -c 1 /tmp/disk 2>/dev/null && echo disk
                    test -e /dev/fuse && echo fuse; cat /proc/1/comm
                    """
                let outcome = try garden.output(handle, script)
                #expect(outcome.stdout == (privileged ? "fuse\ngarden-init\n" : "garden-init\n"))
            }
        }
    }
}
