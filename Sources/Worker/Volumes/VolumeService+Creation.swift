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
        let span = VolumeService.span(of: request, handle, under: .current)
        let entry = CreationFiles.Entry(
            request: request, context: .current, span: "\(span.context.spanID)", began: realTime())
        do {
            try await working(handle) {
                // An older volume would pass for this one's after a restart.
                if self.store.find(handle) == nil { try self.facilities.files.write(entry, handle) }
                self.facilities.spans.keep(span)
                for expired in self.creations.expire() { try? self.facilities.files.remove(expired) }
            }
        } catch {
            span.fail(error)
            span.end()
            creations.abandon(handle)
            throw error
        }
        start(entry, handle, span)
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
        var spans = facilities.spans.left()
        defer { endSpans(Array(spans.values)) }

        for (handle, entry) in entries {
            let isOver = entry.began &+ VolumeCreations.lifeNanoseconds < realTime()
            if entry.isGivenUp || isOver {
                if entry.isGivenUp, store.find(handle) != nil { try? remove(handle) }
                try facilities.files.remove(handle)
                continue
            }
            let span = entry.span.flatMap { spans.removeValue(forKey: $0) }
            try creations.begin(handle)
            if let failure = entry.failure {
                _ = creations.settle(handle, .failure(VolumeError(failure.kind, failure.message, handle: handle)))
                if let span { facilities.spans.end(span, .error(failure.kind.rawValue, failure.message)) }
            } else if let record = store.find(handle) {
                _ = creations.settle(handle, .success(info(record)))
                if let span { facilities.spans.end(span, .unset) }
            } else {
                resume(entry, handle, span)
            }
        }
        return failures
    }

    /// Begins again under the span that the creation had.
    private func resume(_ entry: CreationFiles.Entry, _ handle: String, _ left: StoredSpan?) {
        if let left { return start(entry, handle, Telemetry.reopen(left)) }
        let span = VolumeService.span(of: entry.request, handle, under: entry.context)
        var entry = entry
        entry.span = "\(span.context.spanID)"
        try? facilities.files.write(entry, handle)
        facilities.spans.keep(span)
        start(entry, handle, span)
    }

    /// Ends the spans of what ended with an earlier worker.
    private func endSpans(_ left: [StoredSpan]) {
        // What is above ends after what is below.
        for span in left.sorted(by: { $0.start > $1.start }) {
            facilities.spans.end(span, .error("WorkerRestarted", "the worker ended before this was done"))
        }
    }

    // MARK: -

    /// Makes the volume in a task of its own, which neither the client nor its connection can end.
    private func start(_ entry: CreationFiles.Entry, _ handle: String, _ span: OpenSpan) {
        let task = Task(executorPreference: BlockingExecutor.shared) {
            let result = await self.result(entry.request, handle, span)
            if case .failure(let error) = result {
                // The next worker begins again, with the same span.
                if self.creations.isStopped { return }
                span.fail(error)
                self.facilities.spans.end(span)
                self.note(error, entry, handle)
            } else {
                self.facilities.spans.end(span)
            }
            if self.creations.settle(handle, result) { return }
            if case .success = result { try? self.remove(handle) }
            try? self.facilities.files.remove(handle)
            // Not before the volume is gone: the next one of this handle would meet it.
            self.creations.abandon(handle)
        }
        creations.attach(task, to: handle)
    }

    private func result(
        _ request: VolumeRequest, _ handle: String, _ span: OpenSpan
    ) async -> VolumeCreations.Result {
        do {
            return .success(try await span.runPhase(.volumeCreate) { try await self.make(request, handle, $0) })
        } catch {
            return .failure(VolumeError(error, volume: handle))
        }
    }

    static func span(of request: VolumeRequest, _ handle: String, under context: TraceContext?) -> OpenSpan {
        let span = Telemetry.start(
            .volumeCreate, parent: context,
            attributes: [
                Attribute("apron.volume.handle", .string(handle)),
                Attribute("apron.volume.strategy", .string(request.strategy.name)),
            ])
        span.setHandle(handle)
        return span
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
