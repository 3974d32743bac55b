internal import Kernel
internal import Storage
internal import Telemetry

/// What the start-up found of volumes, and did.
public struct VolumeReport: Sendable, Hashable {
    /// Volumes that are there.
    public var adopted: [String] = []
    /// Half-made volumes that were undone.
    public var undone: [String] = []
    /// Volumes that a crash of the host may have damaged, which are gone; one sentence each.
    public var givenUp: [String] = []
    /// What could not be done, one sentence each.
    public var failures: [String] = []
}

extension VolumeService {
    /// Brings the volumes back to what is on disk and mounted, and goes on with the creations that clients may still ask
    /// about; after the recovery of the containers that use them, before anybody is served. Blocks.
    public func recover() throws -> VolumeReport {
        try traced(.workerRecover) { span in
            let found = try facilities.recover()
            var report = VolumeReport()
            report.adopted = found.adopted.map(\.handle)
            report.undone = found.undone
            report.givenUp = found.givenUp.map { "volume \($0.handle): \($0.reason)" }
            report.failures = found.failures.map { "volume \($0.handle): \($0.reason)" }
            report.failures += try resumeCreations()
            for context in found.adopted.compactMap(\.context) { span.link(Link(context, type: "created_by")) }
            span.set {
                $0.set("apron.recover.adopted", Int64(report.adopted.count))
                $0.set("apron.recover.undone", Int64(report.undone.count))
                $0.set("apron.recover.lost", Int64(report.givenUp.count))
                $0.set("apron.recover.orphans", Int64(found.orphans))
            }
            return report
        }
    }
}
