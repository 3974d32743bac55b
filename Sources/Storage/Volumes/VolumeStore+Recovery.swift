internal import Kernel
internal import Synchronization

extension VolumeStore {
    /// Reads all records, undoes what was being made, gives up what a power cut may have damaged, sets aside what cannot
    /// be understood. Once, before anything else.
    public func recover() throws -> VolumeRecovery {
        var recovery = VolumeRecovery()
        for handle in try files.initial.entries() {
            recovery.undone.append(handle)
            files.abandon(handle)
        }
        let records = try readRecords(&recovery)
        let plan = RecoveryPlan(records, layers: try files.layerIDs(), bootID: bootID)
        for loss in plan.damaged { try setAside(loss, &recovery) }
        recovery.givenUp = plan.givenUp
        for record in plan.adopted { table.withLock { $0.insert(record, .live) } }
        // Mounts of volumes that are gone hold their layers.
        let kept = Set(plan.adopted.map(\.handle))
        try files.step("recover mounts") { try mounts.recover(keeping: kept) }
        for loss in plan.givenUp {
            if settings.attachesAtPath { try? detach(loss.handle) }
            do { try files.withdraw(loss.handle) } catch {
                recovery.failures.append(VolumeRecovery.Loss(handle: loss.handle, reason: "\(loss.reason); \(error)"))
            }
        }
        try files.synchronizeLive()
        recovery.orphans = try buryOrphans()
        for record in plan.adopted {
            do {
                try makeReady(record, isChanged: plan.changed.contains(record.handle))
            } catch {
                recovery.failures.append(VolumeRecovery.Loss(handle: record.handle, reason: "\(error)"))
            }
        }
        recovery.adopted = list()
        if recovery.adopted.contains(where: { $0.writtenSince != nil }) { noteWritten() }
        return recovery
    }

    private func readRecords(_ recovery: inout VolumeRecovery) throws -> [VolumeRecord] {
        var records: [VolumeRecord] = []
        for name in try files.live.entries() {
            do {
                let directory = try files.live.open(name)
                let bytes = try directory.read(VolumeRecord.fileName, limit: VolumeRecord.bytesMax)
                records.append(try VolumeRecord(decoding: bytes, of: name))
            } catch let error as KernelError where VolumeStore.isShortage(error.errno) {
                // That is this process's trouble, not the volume's.
                throw VolumeStoreError(error, handle: name)
            } catch {
                try setAside(VolumeRecovery.Loss(handle: name, reason: "\(error)"), &recovery)
            }
        }
        return records
    }

    private static func isShortage(_ errno: ErrorNumber) -> Bool {
        let (tooManyOpen, tooManyOpenInSystem): (Int32, Int32) = (24, 23)
        return errno == .noMemory || errno.rawValue == tooManyOpen || errno.rawValue == tooManyOpenInSystem
    }

    /// Keeps what cannot be understood where people find it and nothing else looks.
    private func setAside(_ loss: VolumeRecovery.Loss, _ recovery: inout VolumeRecovery) throws {
        let handle = loss.handle
        if settings.attachesAtPath { try? detach(handle) }
        // The same handle may have been damaged before; the name of the later one may be too long to be told apart.
        let isTaken = try files.damaged.exists(handle)
        let name = isTaken ? "\(handle.prefix(50))-\(realTime())" : handle
        var kept = "\(files.damaged.path)/\(name)"
        do {
            try files.step("set aside") { try files.live.rename(handle, to: files.damaged, name, noReplace: true) }
        } catch {
            // It stays where it is; nobody adopts it there either.
            kept = "\(files.live.path)/\(handle) (\(error))"
        }
        recovery.failures.append(VolumeRecovery.Loss(handle: handle, reason: "\(loss.reason); kept as \(kept)"))
    }

    /// Brings what is on disk in line with an adopted record.
    private func makeReady(_ record: VolumeRecord, isChanged: Bool) throws {
        try exclusively(record.handle) { record in
            if isChanged { try rewrite(record) }
            let directory = try files.live.open(record.handle)
            if try !directory.exists("volume") {
                _ = try files.step("mkdir volume") { try directory.make("volume") }
            }
            var record = record
            record = try finishRewriting(record)
            if settings.attachesAtPath { try attach(record) }
        }
    }

    // MARK: Orphans

    /// Deletes layers that belong to no volume, and tries again to delete what could not be deleted before.
    public func cleanUpOrphans() throws {
        _ = try buryOrphans()
        try files.graveyard.retry()
    }

    /// - Returns: how many layers there were
    private func buryOrphans() throws -> Int {
        // Listed before the table is asked: a layer is in the table before it is on disk.
        let found = try files.layerIDs()
        guard let needed = try layersOfDamaged() else { return 0 }
        let orphans = table.withLock { table in
            found.filter { table.uses(ofLayer: $0) == 0 && !needed.contains($0) }
        }
        files.buryLayers(Array(orphans))
        return orphans.count
    }

    /// The layers that records seem to name which are no volumes' now: in `damaged/`, or where they could not be moved
    /// from. Nil when one of them is so broken that it might need any.
    private func layersOfDamaged() throws -> Set<String>? {
        var needed: Set<String> = []
        let strange = try files.live.entries().filter { name in table.withLock { $0.entries[name] == nil } }
        let places = try files.damaged.entries().map { (files.damaged, $0) } + strange.map { (files.live, $0) }
        for (place, name) in places {
            guard let directory = try? place.open(name) else { continue }
            let bytes = try? directory.readIfPresent(VolumeRecord.fileName, limit: VolumeRecord.bytesMax)
            guard let bytes, bytes.contains(UInt8(ascii: "}")) else { return nil }
            needed.formUnion(LayerID.mentioned(in: bytes))
        }
        return needed
    }
}
