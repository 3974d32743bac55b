import Testing

extension Conformance {
    /// Whole steps, in the order and form in which the orchestrator asks for them.
    @Suite struct VolumeSteps {
        @Test(arguments: [false, true])
        func aTaskFromImageToOutput(privileged: Bool) throws {
            try Step(SharedWorker.garden, SharedWorker.volumes, privileged: privileged).run { _ in }
        }

        @Test(.ownWorker, arguments: [false, true])
        func aTaskGoesOnAcrossRestarts(privileged: Bool) throws {
            try withWorker { worker in
                try Step(worker.garden, worker.volumes, privileged: privileged).run { _ in try worker.restart() }
            }
        }

        /// The next step takes an output over while the container that made it is still there.
        @Test(arguments: [false, true])
        func outputsBecomeInputs(privileged: Bool) throws {
            let (garden, volumes) = try (SharedWorker.garden, SharedWorker.volumes)
            let output = try volumes.create(privileged: privileged)
            let first = try garden.create(Step.spec(privileged, ["/out": output.path]))
            #expect(try garden.output(first, "echo one >/out/file").status == 0)
            let input = try volumes.copy(of: output.handle, privileged: privileged)
            let second = try garden.create(Step.spec(privileged, ["/in": input.path]))
            #expect(
                try garden.output(second, "cat /in/file; echo two >>/in/file; cat /in/file").stdout == "one\none\ntwo\n"
            )
            // Whatever the first still does, nobody else sees it.
            _ = try garden.output(first, "echo late >/out/late; echo late >/out/file")
            #expect(try garden.output(second, "ls /in; cat /in/file").stdout == "file\none\ntwo\n")
            let third = try volumes.copy(of: output.handle, privileged: privileged)
            #expect(try volumes.read(third.handle, "file").hasSuffix("\n"))
            for container in [first, second] { try garden.destroy(container) }
            for volume in [output, input, third] { try volumes.destroy(volume.handle) }
        }

        @Test func volumesInUseStay() throws {
            let (garden, volumes) = try (SharedWorker.garden, SharedWorker.volumes)
            let volume = try volumes.create()
            let handle = try garden.create(Step.spec(false, ["/v": volume.path]))
            let reply = try volumes.call("DELETE", "/volumes/\(volume.handle)")
            #expect(reply.status == 500)
            #expect(try reply.json()["error"].string?.contains(handle) == true)
            #expect(try garden.output(handle, "echo x >/v/x; cat /v/x").stdout == "x\n")
            try garden.destroy(handle)
            try volumes.destroy(volume.handle)
        }

        /// Docker in docker lives in such a volume: an overlay must be possible on it.
        @Test func emptyVolumesTakeOverlays() throws {
            let (garden, volumes) = try (SharedWorker.garden, SharedWorker.volumes)
            let volume = try volumes.create(privileged: true)
            try garden.withContainer(Step.spec(true, ["/scratch": volume.path])) { handle in
                let script = """
                    cd /scratch; mkdir l u w m; echo x >l/f
                    mount -t overlay o -o lowerdir=l,upperdir=u,workdir=w m && echo y >>m/f && cat m/f
                    """
                let outcome = try garden.output(handle, script)
                #expect(outcome.stdout == "x\ny\n")
            }
            try volumes.destroy(volume.handle)
        }

        @Test func aMissingVolumeIsNamed() throws {
            let garden = try SharedWorker.garden
            let volume = try SharedWorker.volumes.create()
            try SharedWorker.volumes.destroy(volume.handle)
            let reply = try garden.call("POST", "/containers", JSON.encode(["rootfs": "raw://\(volume.path)/rootfs"]))
            #expect(reply.status == 500)
            #expect(try reply.json()["Message"].string?.contains(volume.handle) == true)
        }
    }
}

/// One task with an image, an input, an output and a cache.
struct Step {
    let garden: Garden
    let volumes: Baggageclaim
    let privileged: Bool

    init(_ garden: Garden, _ volumes: Baggageclaim, privileged: Bool) {
        self.garden = garden
        self.volumes = volumes
        self.privileged = privileged
    }

    /// A container's specification; without a root it gets the default one.
    static func spec(_ privileged: Bool, _ binds: [String: String], root: String? = nil) -> [String: Any] {
        let mounts = binds.sorted { $0.key < $1.key }.map {
            ["src_path": $0.value, "dst_path": $0.key, "mode": 1] as [String: Any]
        }
        var spec: [String: Any] = ["privileged": privileged, "bind_mounts": mounts]
        if let root { spec["rootfs"] = "raw://\(root)" }
        return spec
    }

    /// Runs the step; `pause` comes between its stages, where a worker may be restarted.
    func run(_ pause: (String) throws -> Void) throws {
        let image = try volumes.create()
        let root = try Tarball(script: "cp -a \(Roots.shared.image()) rootfs; echo '{\"env\":[]}' >metadata.json")
        let packedRoot = try root.through("gzip -1")
        #expect(try volumes.streamIn(image.handle, packedRoot, encoding: "gzip").status == 204)
        try volumes.setPrivileged(image.handle, false)
        try pause("image")
        #expect(try volumes.read(image.handle, "metadata.json") == "{\"env\":[]}\n")

        let rootVolume = try volumes.copy(of: image.handle, privileged: privileged)
        let scratch = try volumes.create(privileged: privileged)
        let source = try volumes.create()
        let files = try Tarball(script: "mkdir d; echo source >d/f; chmod 4755 d/f; ln d/f d/g; ln -s f d/l")
        let packedFiles = try files.through("zstd -q")
        #expect(try volumes.streamIn(source.handle, packedFiles, encoding: "zstd").status == 204)
        try pause("volumes")
        let input = try volumes.copy(of: source.handle, privileged: privileged)
        let output = try volumes.create(privileged: privileged)
        let cache = try volumes.create(privileged: privileged)
        let binds = ["/scratch": scratch.path, "/in": input.path, "/out": output.path, "/cache": cache.path]
        let handle = try garden.create(Step.spec(privileged, binds, root: rootVolume.path + "/rootfs"))
        try pause("container")

        let script = """
            set -e; for f in / /bin /in/d/f /out /cache /scratch; do stat -c %u:%g $f; done | sort -u
            cat /in/d/l; test -u /in/d/f; echo changed >/in/d/f; cat /in/d/f
            mkdir /out/sub; echo made >/out/sub/file; echo cached >/cache/c; echo x >/new; chown 33:44 /out/sub/file
            """
        let outcome = try garden.output(handle, script)
        #expect(outcome == ProgramOutcome(status: 0, stdout: "0:0\nsource\nchanged\n", stderr: ""))
        try pause("run")

        #expect(try volumes.read(output.handle, "sub/file") == "made\n")
        let owners = try Tarball(volumes.streamOut(output.handle).body).inspect("tar --numeric-owner -tvf ../in.tar")
        #expect(owners.contains("33/44") && owners.contains("0/0"), "\(owners)")
        #expect(try volumes.read(source.handle, "d/f") == "source\n")
        try pause("output")

        // The cache is committed while its container still exists.
        let committed = try volumes.create(["type": "import", "path": cache.path, "follow_symlinks": false])
        #expect(try volumes.read(committed.handle, "c") == "cached\n")
        let next = try volumes.copy(of: output.handle, privileged: !privileged)
        #expect(try volumes.read(next.handle, "sub/file") == "made\n")
        try pause("next")
        try garden.destroy(handle)
        try pause("destroyed")
        // Parents first: the children keep what they need.
        for volume in [image, source, output, cache, rootVolume, scratch, input] { try volumes.destroy(volume.handle) }
        try pause("parents")
        #expect(try volumes.read(next.handle, "sub/file") == "made\n")
        #expect(try volumes.read(committed.handle, "c") == "cached\n")
        for volume in [next, committed] { try volumes.destroy(volume.handle) }
    }
}
