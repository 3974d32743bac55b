internal import Kernel
internal import Storage
internal import Telemetry

extension VolumeService {
    /// Makes a volume; the caller's thread may block.
    ///
    /// Only an import may take long enough to be worth a file that has its span end when the worker is killed: the
    /// others take a millisecond or so, and a tenth more with it.
    func make(_ request: VolumeRequest, _ handle: String) async throws -> VolumeInfo {
        guard case .importing = request.strategy else {
            return try await traced(.volumeCreate) { span in try await make(request, handle, span) }
        }
        let (span, around) = (VolumeService.span(of: request, handle, under: .current), TraceContext.current?.openSpan)
        facilities.spans.keep(span, around: around)
        defer { facilities.spans.end(span, around: around) }
        do {
            return try await span.runPhase(.volumeCreate) { try await make(request, handle, $0) }
        } catch {
            span.fail(error)
            throw error
        }
    }

    /// As above, with a span of phase volume.create.
    func make(_ request: VolumeRequest, _ handle: String, _ span: PhaseSpan) async throws -> VolumeInfo {
        try VolumeService.check(handle)
        span.setHandle(handle)
        span.set {
            $0.set("apron.volume.handle", handle)
            $0.set("apron.volume.strategy", request.strategy.name)
            $0.set("apron.volume.privileged", request.isPrivileged)
        }
        switch request.strategy {
        case .empty: return try make(request, handle, .empty, span)
        case .copyOnWrite(let parent):
            span.set("apron.volume.parent", parent)
            if let origin = store.find(parent)?.context { span.link(Link(origin, type: "origin_volume")) }
            return try make(request, handle, .copy(of: parent), span)
        case .importing(let path, let followsSymlinks):
            span.set("apron.admission.waiting", Int64(imports.waiting))
            return try await imports.run {
                try Task.checkCancellation()
                let source = try VolumeImport(path, followsSymlinks: followsSymlinks, facilities)
                span.set("apron.import.kind", source.kind)
                return try make(request, handle, source.source, span)
            }
        }
    }

    private func make(
        _ request: VolumeRequest, _ handle: String, _ source: VolumeStore.Source, _ span: PhaseSpan
    ) throws -> VolumeInfo {
        let record = try store.create(
            handle, source, isPrivileged: request.isPrivileged, properties: request.properties,
            owner: request.owner.map { ($0.uid, $0.gid) }, strategy: request.strategy.name, span: span)
        span.set("apron.cache.outcome", cacheOutcome(of: record))
        return info(record)
    }
}

extension VolumeService {
    /// Whether the files of a new volume were there already.
    private func cacheOutcome(of record: VolumeRecord) -> String {
        guard record.strategy != VolumeRequest.Strategy.empty.name else { return "uncached" }
        let origin = record.parent.flatMap(store.find)?.stack.layers ?? []
        return !origin.isEmpty && record.stack.layers.first == origin.first ? "hit" : "miss"
    }
}

extension VolumeRequest.Strategy {
    /// As on the wire.
    var name: String {
        switch self {
        case .empty: "empty"
        case .copyOnWrite: "cow"
        case .importing: "import"
        }
    }
}
