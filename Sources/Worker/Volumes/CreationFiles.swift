internal import FoundationEssentials
internal import Kernel
internal import Telemetry

/// Creations that clients may still ask about, on disk, so that a restart of the worker does not lose them:
/// `creations/<handle>` beside the volumes, from before the work begins until its outcome is collected.
///
/// After a restart a creation whose volume is there is settled; one that failed still has failed; any other begins
/// again. Nothing here is synced: what a dead host's clients asked for is of no interest to anybody.
struct CreationFiles: Sendable {
    /// What is known of one creation.
    struct Entry: Codable, Sendable {
        var request: VolumeRequest
        /// The span of the request that asked for it.
        var context: TraceContext?
        /// The id of its own span, see ``OpenSpanFiles``.
        var span: String?
        /// Nanoseconds since the epoch.
        var began: UInt64
        /// The volume is not wanted any more.
        var isGivenUp = false
        /// Why there is no volume.
        var failure: Failure?

        struct Failure: Codable, Sendable {
            var kind: VolumeError.Kind
            var message: String
        }

        /// Of a creation whose volume is not wanted.
        static func givenUp(_ handle: String) -> Entry {
            let request = VolumeRequest(handle: handle, strategy: .empty)
            return Entry(request: request, context: nil, began: realTime(), isGivenUp: true)
        }
    }

    private static let name = "creations"
    /// Made from one request body of at most 8 MiB.
    private static let bytesMax = 16 << 20

    private let directory: Directory

    /// Opens the directory of the creations below that of the volumes.
    init(below volumes: Directory) throws(KernelError) {
        directory = try volumes.makeIfMissing(CreationFiles.name, mode: 0o700)
    }

    func write(_ entry: Entry, _ handle: String) throws {
        try directory.write(handle, Array(JSONEncoder().encode(entry)), mode: 0o600)
    }

    /// Removes the file of a creation, if there is one.
    func remove(_ handle: String) throws(KernelError) {
        do throws(KernelError) { try directory.remove(handle) } catch  where error.errno == .noEntry {}
    }

    /// All creations; files that cannot be read are removed, and the reasons told.
    func all() throws(KernelError) -> (entries: [(handle: String, entry: Entry)], failures: [String]) {
        var (entries, failures): ([(String, Entry)], [String]) = ([], [])
        for name in try directory.entries().sorted() {
            if name.hasPrefix(Directory.temporaryPrefix) {
                try? directory.remove(name)
                continue
            }
            do {
                let bytes = try directory.read(name, limit: CreationFiles.bytesMax)
                entries.append((name, try JSONDecoder().decode(Entry.self, from: Data(bytes))))
            } catch {
                failures.append("creation of volume \(name): \(error)")
                try? directory.remove(name)
            }
        }
        return (entries, failures)
    }
}
