internal import InitProtocol
internal import Kernel

/// The fixed part of a message between the daemon and process 1 (`struct apron_frame`).
struct InitFrame: Sendable, Hashable {
    static let bytes = 56

    var version = UInt16(APRON_PROTOCOL_VERSION)
    var kind: UInt16
    var serial: UInt32 = 0
    var process: UInt32 = 0
    var error: Int32 = 0
    var call: UInt16 = 0
    var step: UInt16 = 0
    var count: UInt32 = 0
    var arguments: [UInt64] = [0, 0, 0, 0]

    init(_ kind: apron_frame_kind, process: UInt32 = 0, argument: UInt64 = 0) {
        self.kind = UInt16(kind.rawValue)
        self.process = process
        arguments[0] = argument
    }

    /// Reads a frame; nil when the message is shorter than one.
    init?(_ reader: inout WireReader) {
        guard reader.remaining >= InitFrame.bytes else { return nil }
        version = reader.next()
        kind = reader.next()
        serial = reader.next()
        process = reader.next()
        error = reader.next()
        call = reader.next()
        step = reader.next()
        count = reader.next()
        arguments = (0..<4).map { _ in reader.next() }
    }

    var encoded: [UInt8] {
        var writer = DocumentWriter(reserving: InitFrame.bytes)
        writer.append(version)
        writer.append(kind)
        writer.append(serial)
        writer.append(process)
        writer.append(error)
        writer.append(call)
        writer.append(step)
        writer.append(count)
        for argument in arguments { writer.append(argument) }
        return writer.bytes
    }
}

/// Reads integers in the host's byte order from a message; zero past its end, so that what an inmate could have forged
/// cannot do more harm than a wrong number.
struct WireReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var remaining: Int { bytes.count - position }

    mutating func next<Value: FixedWidthInteger>() -> Value {
        let width = Value.bitWidth / 8
        guard remaining >= width else {
            position = bytes.count
            return 0
        }
        var value: Value = 0
        for index in (0..<width).reversed() { value = value << 8 | Value(truncatingIfNeeded: bytes[position + index]) }
        position += width
        return value
    }
}

/// One stamped step of process 1 or of a program's child (`struct apron_step`).
public struct StepRecord: Sendable, Hashable {
    static let bytes = 32

    /// The operation's index, or the program's step.
    public let step: Int
    /// `enum apron_group`: the child span it belongs to.
    public let group: Int
    /// `enum apron_call` that failed.
    public let call: Int
    /// errno, 0 on success.
    public let error: Int32
    /// CLOCK_BOOTTIME nanoseconds; not in the future.
    public let start: UInt64
    /// CLOCK_BOOTTIME nanoseconds; not before ``start``, nor in the future.
    public let end: UInt64

    init(_ reader: inout WireReader) {
        step = Int(reader.next() as UInt16)
        group = Int(reader.next() as UInt16)
        call = Int(reader.next() as UInt16)
        let _: UInt16 = reader.next()
        error = reader.next()
        let _: Int32 = reader.next()
        let now = bootTime()
        start = min(reader.next(), now)
        end = max(start, min(reader.next(), now))
    }
}

/// How a program ended, as process 1 reaped it (`struct apron_exit`).
public struct ExitRecord: Sendable, Hashable, Codable {
    static let bytes = 88

    /// The daemon's key of the process.
    public let process: UInt32
    /// The status of wait(2).
    public let status: Int32
    /// CLOCK_BOOTTIME nanoseconds; not in the future.
    public let time: UInt64
    /// CPU time in user mode, microseconds.
    public let userMicroseconds: UInt64
    /// CPU time in the kernel, microseconds.
    public let systemMicroseconds: UInt64
    /// Largest resident set in KiB.
    public let maxResidentKiB: UInt64
    /// Page faults without I/O.
    public let minorFaults: UInt64
    /// Page faults with I/O.
    public let majorFaults: UInt64
    /// Context switches by waiting.
    public let voluntarySwitches: UInt64
    /// Context switches by preemption.
    public let involuntarySwitches: UInt64
    /// 512-byte blocks read from disk.
    public let blocksRead: UInt64
    /// 512-byte blocks written to disk.
    public let blocksWritten: UInt64

    init(_ reader: inout WireReader) {
        process = reader.next()
        status = reader.next()
        time = min(reader.next(), bootTime())
        userMicroseconds = reader.next()
        systemMicroseconds = reader.next()
        maxResidentKiB = reader.next()
        minorFaults = reader.next()
        majorFaults = reader.next()
        voluntarySwitches = reader.next()
        involuntarySwitches = reader.next()
        blocksRead = reader.next()
        blocksWritten = reader.next()
    }

    /// Reads the ledger that process 1 appends to; an incomplete last record is left out.
    public static func records(inLedger bytes: [UInt8]) -> [ExitRecord] {
        var reader = WireReader(bytes)
        var records: [ExitRecord] = []
        while reader.remaining >= ExitRecord.bytes { records.append(ExitRecord(&reader)) }
        return records
    }

    /// The signal that ended the program; nil when it exited.
    public var signal: Int32? { status & 0x7f == 0 ? nil : status & 0x7f }

    /// The exit code, or 128 + signal, as a shell shows it.
    public var code: Int32 { signal.map { 128 + $0 } ?? (status >> 8) & 0xff }
}

/// What process 1 knows of a program (`struct apron_process_state`).
struct ProcessState: Sendable, Hashable {
    static let bytes = 104

    let process: UInt32
    let pid: UInt32
    let phase: UInt32
    let kept: UInt32
    let exit: ExitRecord

    init(_ reader: inout WireReader) {
        process = reader.next()
        pid = reader.next()
        phase = reader.next()
        kept = reader.next()
        exit = ExitRecord(&reader)
    }

    /// Its output is complete in the pipes.
    var hasEnded: Bool { phase == APRON_ENDED.rawValue }
}
