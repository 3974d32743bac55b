internal import Worker

/// The body of a create request.
struct WireContainerSpec {
    private let object: JSONObject
    private let compatibility: Compatibility

    init(_ body: [UInt8], _ compatibility: Compatibility) throws(JSONError) {
        object = try JSONObject(parsing: body)
        self.compatibility = compatibility
    }

    /// The base environment, which may carry the trace context.
    func environment() throws(JSONError) -> [String] { try object.strings("env") }

    /// What the worker is asked for.
    func request() throws -> ContainerRequest {
        var request = ContainerRequest()
        if let handle = try object.string("handle"), !handle.isEmpty {
            request.handle = try NameRules.check(handle, as: "handle")
        }
        request.rootfs = try rootfs()
        request.bindMounts = try object.objects("bind_mounts").map(bindMount)
        request.properties = try object.map("properties")
        request.environment = try environment()
        request.privileged = try object.flag("privileged")
        request.limits = try limits()
        request.network = compatibility.hasNetwork(outboundRules: try object.objects("netout_rules").count)
        request.graceTime = try object.unsigned("grace_time", maximum: UInt64(Int64.max)) ?? 0
        guard try object.objects("netin").isEmpty else {
            throw WorkerError(.notImplemented, "not implemented: netin", handle: request.handle)
        }
        // `network` asks for an address; like Concourse's backend, the worker chooses them itself.
        _ = try object.string("network")
        return request
    }

    private func rootfs() throws -> String {
        let rootfs = try object.string("rootfs") ?? ""
        let image = try object.object("image").string("uri") ?? ""
        if compatibility == .guardian, !rootfs.isEmpty, !image.isEmpty {
            throw WorkerError(.invalid, "cannot provide both Image.URI and RootFSPath")
        }
        let chosen = rootfs.isEmpty ? image : rootfs
        if chosen.isEmpty, !compatibility.allowsEmptyImage { throw Compatibility.emptyImage }
        return chosen
    }

    private func bindMount(_ mount: JSONObject) throws -> ContainerRequest.BindMount {
        let source = try mount.string("src_path") ?? ""
        let destination = try mount.string("dst_path") ?? ""
        guard try mount.unsigned("origin", maximum: 1) ?? 0 == 0 else {
            throw WorkerError(.invalid, "bind mount \(source): only the host may be its origin")
        }
        for (path, name) in [(source, "source"), (destination, "destination")] where !path.hasPrefix("/") {
            throw WorkerError(.invalid, "bind mount \(name) must be an absolute path: '\(path)'")
        }
        return ContainerRequest.BindMount(
            source: source, destination: destination, writable: try mount.unsigned("mode", maximum: 1) ?? 0 == 1)
    }

    /// Zero is no limit; bandwidth and disk are for others to limit and only checked for their form.
    private func limits() throws -> ContainerRequest.Limits {
        let limits = try object.object("limits")
        var request = ContainerRequest.Limits()
        let cpu = try limits.object("cpu_limits")
        let weight = try cpu.unsigned("weight") ?? 0
        let shares = try cpu.unsigned("limit_in_shares") ?? 0
        request.cpuShares = nonZero(weight > 0 ? weight : shares)
        request.memoryBytes = nonZero(try limits.object("memory_limits").unsigned("limit_in_bytes") ?? 0)
        request.pids = nonZero(try limits.object("pid_limits").unsigned("max") ?? 0)
        _ = try limits.object("bandwidth_limits")
        _ = try limits.object("disk_limits")
        return request
    }

    private func nonZero(_ number: UInt64) -> UInt64? { number == 0 ? nil : number }
}
