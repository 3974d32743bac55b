internal import Kernel
internal import Storage
internal import Telemetry

extension VolumeService {
    /// Starts to make a volume; its outcome is kept until it is collected, for some hours, also across a restart.
    public func beginCreation(_ request: VolumeRequest) async throws -> String {
        var request = request
        let handle = request.handle ?? makeIdentifier()
        request.handle = handle
        try VolumeService.check(handle)
        try creations.begin(handle)
        let entry = CreationFiles.Entry(request: request, context: .current, began: realTime())
        do {
            try await working(handle) {
                // An older volume would pass for this one's after a restart.
                if self.store.find(handle) == nil { try self.facilities.files.write(entry, handle) }
                for expired in self.creations.expire() { try? self.facilities.files.remove(expired) }
            }
        } catch {
            creations.abandon(handle)
            throw error
        }
        start(entry, handle, under: .current)
        return handle
    }

    /// The outcome of a creation.
    public func creation(_ handle: String, wait: Duration) async throws -> VolumeInfo? {
        try await creations.result(handle, within: wait)?.get()
    }

    /// Forgets a settled creation, or gives up one under way, whose volume is then destroyed.
    public func cancelCreation(_ handle: String) async throws {
        try await working(handle) {
            // First on disk: should the worker end now, the volume goes at the next start.
            if self.creations.isUnderWay(handle) { try self.facilities.files.write(.givenUp(handle), handle) }
            if try self.creations.cancel(handle) == .forgotten { try self.facilities.files.remove(handle) }
        }
    }

    /// Goes on with the creations that an earlier worker's clients may still ask about.
    /// - Returns: what could not be read, one sentence each
    func resumeCreations() throws -> [String] {
        let (entries, failures) = try facilities.files.all()
        for (handle, entry) in entries {
            let isOver = entry.began &+ VolumeCreations.lifeNanoseconds < realTime()
            if entry.isGivenUp || isOver {
                if entry.isGivenUp, store.find(handle) != nil { try? remove(handle) }
                try facilities.files.remove(handle)
                continue
            }
            try creations.begin(handle)
            if let failure = entry.failure {
                _ = creations.settle(handle, .failure(VolumeError(failure.kind, failure.message, handle: handle)))
            } else if let record = store.find(handle) {
                _ = creations.settle(handle, .success(info(record)))
            } else {
                start(entry, handle, under: entry.context)
            }
        }
        return failures
    }

    // MARK: -

    /// Makes the volume in a task of its own, which neither the client nor its connection can end.
    private func start(_ entry: CreationFiles.Entry, _ handle: String, under context: TraceContext?) {
        let task = Task(executorPreference: BlockingExecutor.shared) {
            let result = await TraceContext.$current.withValue(context) { await self.result(entry.request, handle) }
            if case .failure(let error) = result {
                // The next worker begins again.
                if self.creations.isStopped { return }
                self.note(error, entry, handle)
            }
            if self.creations.settle(handle, result) { return }
            if case .success = result { try? self.remove(handle) }
            try? self.facilities.files.remove(handle)
            // Not before the volume is gone: the next one of this handle would meet it.
            self.creations.abandon(handle)
        }
        creations.attach(task, to: handle)
    }

    private func result(_ request: VolumeRequest, _ handle: String) async -> VolumeCreations.Result {
        do { return .success(try await make(request, handle)) } catch {
            return .failure(VolumeError(error, volume: handle))
        }
    }

    /// A failure is the answer also after a restart. Should it not fit on the disk, the creation begins again then.
    private func note(_ error: VolumeError, _ entry: CreationFiles.Entry, _ handle: String) {
        guard error.kind != .handleInUse else {
            // The volume of that handle is another one and no outcome of this creation.
            try? facilities.files.remove(handle)
            return
        }
        var entry = entry
        entry.failure = CreationFiles.Entry.Failure(kind: error.kind, message: error.message)
        try? facilities.files.write(entry, handle)
    }

    /// The handle is a directory's name, and part of paths.
    static func check(_ handle: String) throws(VolumeError) {
        guard PathName.isValid(handle), !handle.hasPrefix(Directory.temporaryPrefix) else {
            throw VolumeError(
                .invalid, "a volume's handle must have 1 to 255 bytes and be neither . nor .. nor contain / or NUL")
        }
    }
}
