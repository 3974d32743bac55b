internal import Kernel
internal import Synchronization
internal import Telemetry

extension VolumeStore {
    /// Changes for whom a volume is, and so how it shows the owners of its files; constant-time where mounts can be
    /// mapped.
    /// - Throws: kinds unknown; inUse when somebody is writing to a volume that has several layers; failed
    public func setPrivileged(_ handle: String, to isPrivileged: Bool) throws {
        try exclusively(handle) { record in
            let view = owners(isPrivileged: isPrivileged)
            if view == record.stack.owners {
                if record.isPrivileged == isPrivileged { return }
                var changed = record
                changed.isPrivileged = isPrivileged
                return try rewrite(changed)
            }
            do { try traced(.volumeOwners) { span in try show(record, as: view, isPrivileged, span) } } catch {
                if settings.attachesAtPath { try? attach(find(handle) ?? record) }
                throw error
            }
            if settings.attachesAtPath { try attach(find(handle) ?? record) }
        }
    }

    /// Puts a record in place that shows owners in the other way.
    private func show(
        _ record: VolumeRecord, as view: Owners, _ isPrivileged: Bool, _ span: PhaseSpan
    ) throws {
        var changed = record
        if record.stack.layers.count > 1 {
            // A layer that takes changes in an overlay is written in the way that the volume shows.
            changed = try traced(.volumeSeal) { span in
                var sealed = record
                sealed.stack = try seal(record, for: nil, span).stack
                return sealed
            }
        }
        if settings.attachesAtPath { try detach(record.handle) }
        try closeMounts(record.handle)
        changed.isPrivileged = isPrivileged
        changed.stack.owners = view
        if features.has(.idMap) || changed.stack.layers.allSatisfy({ $0.owners == view }) {
            span.set("apron.method", "idmap")
            return try rewrite(changed)
        }
        if let layer = changed.stack.writable, changed.stack.layers.count == 1,
            table.withLock({ $0.uses(ofLayer: layer.id) }) == 1
        {
            changed.stack.layers = [Layer(id: layer.id, owners: view)]
            changed.rewritingFrom = layer.owners
            changed.writtenSince = bootID
            try rewrite(changed)
            _ = try finishRewriting(changed)
            return
        }
        _ = try flatten(changed, shownAs: record.stack.owners, span, commit: rewrite)
    }

    /// Brings the owners of all files to what the record says already; may be repeated.
    func finishRewriting(_ record: VolumeRecord) throws -> VolumeRecord {
        guard let former = record.rewritingFrom, let layer = record.stack.layers.first else { return record }
        try traced(.volumeOwners) { span in
            _ = try translate(Layer(id: layer.id, owners: former), to: layer.owners, span)
        }
        var finished = record
        finished.rewritingFrom = nil
        try rewrite(finished)
        return finished
    }
}
