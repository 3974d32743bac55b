internal import Kernel
internal import Storage
internal import Telemetry

extension VolumeService {
    /// Prepares to unpack an archive at a path in the volume; missing directories are made.
    public func streamIn(
        _ handle: String, path: String, encoding: ArchiveEncoding
    ) async throws -> any ArchiveTransfer {
        try await transfer(.in, handle, path, encoding, .volumeStreamIn) { record, tree in
            try ArchiveProcess.unpack(
                program: self.facilities.archiveProgram, into: tree.descriptor, path: path, encoding: encoding.rawValue,
                userNamespace: self.facilities.archiveNamespace(of: record),
                isPrivileged: record.isPrivileged && record.stack.owners == .plain)
        }
    }

    /// Prepares to pack a path of the volume; returns when the first entry could be read.
    public func streamOut(
        _ handle: String, path: String, encoding: ArchiveEncoding
    ) async throws -> any ArchiveTransfer {
        try await transfer(.out, handle, path, encoding, .volumeStreamOut) { record, tree in
            let process = try ArchiveProcess.pack(
                program: self.facilities.archiveProgram, from: tree.descriptor, path: path, encoding: encoding.rawValue,
                userNamespace: self.facilities.archiveNamespace(of: record))
            do { try process.waitUntilReady() } catch {
                process.kill()
                _ = try? process.wait()
                throw error
            }
            return process
        }
    }

    private func transfer(
        _ direction: VolumeTransfer.Direction, _ handle: String, _ path: String, _ encoding: ArchiveEncoding,
        _ phase: Phase, _ start: @escaping @Sendable (VolumeRecord, borrowing MountTree) throws -> ArchiveProcess
    ) async throws -> any ArchiveTransfer {
        let record = try record(handle)
        let span = Telemetry.start(phase, attributes: [Attribute("apron.volume.handle", .string(handle))])
        span.setHandle(handle)
        span.set {
            $0.set("apron.path", path)
            $0.set("apron.archive.encoding", encoding.rawValue)
        }
        if let context = record.context { span.link(Link(context, type: "created_by")) }
        let around = VolumeService.spanAround(direction)
        let user = facilities.newStream()
        do {
            return try await working(handle) {
                do {
                    self.facilities.spans.keep(span, around: around)
                    return try span.run {
                        try FaultPlan.strike(phase)
                        let tree = try traced(.volumeMount) { _ in
                            try self.store.mount(
                                handle, rest: "", writable: direction == .in, unprivileged: false, user: user)
                        }
                        // In use, it shows owners as it does now until the stream has ended.
                        let process = try start(self.record(handle), tree)
                        return VolumeTransfer(
                            direction, encoding, of: handle, process, self.facilities, user: user, span: span,
                            around: around)
                    }
                } catch {
                    span.fail(error)
                    self.facilities.spans.end(span, around: around)
                    throw error
                }
            }
        } catch {
            store.release(user)
            throw error
        }
    }

    /// What goes on as long as a transfer: the request that brings an archive, the shipment to another worker. The
    /// request of one that is fetched ends when its first bytes are there.
    private static func spanAround(_ direction: VolumeTransfer.Direction) -> OpenSpan? {
        guard let span = TraceContext.current?.openSpan else { return nil }
        return direction == .out && span.phase == .httpServer ? nil : span
    }
}
