internal import Kernel

/// Encodes a stream, in constant memory, for one producer that pushes.
///
/// The sink is called on the producer's thread, from ``write(_:)`` and ``finish()`` alone: a slow sink slows the
/// producer. Compressing runs on threads of its own, which are started behind the first block, so a short stream needs
/// none. After an error nothing more can be written; every further call throws it again.
///
/// Not for several threads at a time.
@safe public final class EncodingWriter {
    /// Takes all the bytes, which are good for the time of the call. May block.
    public typealias Sink = (UnsafeRawBufferPointer) throws -> Void

    private let encoder: any StreamEncoder
    private let sink: Sink
    private var failure: (any Error)?
    private var isFinished = false

    /// Begins a stream; nothing is written to the sink yet.
    /// - Parameters:
    ///   - level: nil for ``defaultLevel(of:)``; one that the format has not is taken for the nearest.
    ///   - threads: how many compress beside the producer, nil for one a processor; 0 to have the producer do it.
    /// - Throws: ``CodecError`` when there is no memory for the coder
    public init(_ format: Format, level: Int? = nil, threads: Int? = nil, sink: @escaping Sink) throws {
        let levels = format.levels
        let level = min(max(level ?? EncodingWriter.defaultLevel(of: format), levels.lowerBound), levels.upperBound)
        let threads = min(max(threads ?? Processor.count, 0), EncodingWriter.threadsMax)
        unsafe self.sink = sink
        encoder =
            switch format {
            case .gzip: BlockEncoder(GzipStream(level: level), threads: threads)
            case .zstd: try ZstdEncoder(level: level, threads: threads)
            case .s2: BlockEncoder(S2Stream(), threads: threads)
            case .raw: RawEncoder()
            }
    }

    /// More threads than this help no stream that a disk or a network can follow.
    public static let threadsMax = 16

    /// The level that is used when none is asked for: the fastest of each format. A stream is written once and read once
    /// or twice, within a data centre, while the processors are wanted for builds: against gzip(1)'s own level 6, a third
    /// of the processor time makes a stream of libraries and sources a ninth longer.
    public static func defaultLevel(of format: Format) -> Int { 1 }

    /// Encodes `bytes`; hands what is ready to the sink.
    /// - Throws: ``CodecError``, or what the sink threw
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        try guarded { unsafe try encoder.write(bytes, to: sink) }
    }

    /// Ends the stream and hands the rest of it to the sink.
    /// - Throws: ``CodecError``, or what the sink threw
    public func finish() throws {
        try guarded { unsafe try encoder.finish(to: sink) }
        isFinished = true
    }

    private func guarded(_ body: () throws -> Void) throws {
        precondition(!isFinished, "a stream was written to behind its end")
        if let failure { throw failure }
        do { try body() } catch {
            failure = error
            throw error
        }
    }
}
