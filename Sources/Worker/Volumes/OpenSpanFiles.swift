internal import FoundationEssentials
internal import Kernel
internal import Telemetry

/// Spans of volumes that have not ended, on disk, so that they end also when the worker is killed: `spans/<span id>`
/// beside the volumes. That is for work that may take long; what is done in some milliseconds is not worth two more
/// changes of a directory.
///
/// Nothing here is synced, and no work fails for want of it.
struct OpenSpanFiles: Sendable {
    private static let name = "spans"
    /// Limits of spans make them smaller.
    private static let bytesMax = 1 << 20

    private let directory: Directory

    /// Opens the directory of the spans below that of the volumes.
    init(below volumes: Directory) throws(KernelError) {
        directory = try volumes.makeIfMissing(OpenSpanFiles.name, mode: 0o700)
    }

    /// Keeps a span that somebody will end, as it is now.
    /// - Parameter around: one that ends after it, somewhere else
    func keep(_ span: OpenSpan, around: OpenSpan? = nil) {
        if let around { keep(around) }
        guard span.isRecording, let bytes = try? JSONEncoder().encode(span.stored) else { return }
        let file = try? directory.openFile(OpenSpanFiles.name(span), [.writeOnly, .create, .exclusive])
        // One that is cut short by the end of this process is not understood by the next.
        try? file?.writeContents(Array(bytes), directory.path)
    }

    /// Ends a span and removes its file, in this order: a span that a crash ends twice is better than one without an end.
    /// - Parameter around: one that was kept with it; it ends in a moment
    func end(_ span: OpenSpan, around: OpenSpan? = nil) {
        span.end()
        forget(OpenSpanFiles.name(span))
        if let around { forget(OpenSpanFiles.name(around)) }
    }

    /// The spans that earlier processes have not ended, by id.
    func left() -> [String: StoredSpan] {
        var spans: [String: StoredSpan] = [:]
        for name in (try? directory.entries()) ?? [] {
            if let bytes = try? directory.read(name, limit: OpenSpanFiles.bytesMax),
                let stored = try? JSONDecoder().decode(StoredSpan.self, from: Data(bytes))
            {
                spans[name] = stored
            } else {
                forget(name)
            }
        }
        return spans
    }

    /// Ends a span of an earlier process, whose end nobody knows.
    /// - Parameter status: how it went
    func end(_ left: StoredSpan, _ status: RecordedSpan.Status) {
        let span = Telemetry.reopen(left)
        span.set("apron.end.estimated", true)
        span.status(status)
        end(span)
        forget("\(left.context.spanID)")
    }

    private func forget(_ name: String) { try? directory.remove(name) }

    private static func name(_ span: OpenSpan) -> String { "\(span.context.spanID)" }
}
