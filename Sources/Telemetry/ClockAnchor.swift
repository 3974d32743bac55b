internal import Kernel
internal import Synchronization

/// The relation of CLOCK_BOOTTIME, in which all spans are timed, to the calendar, in which they are shown.
///
/// Durations must not suffer when the calendar is corrected. So there is one anchor for a process, every instant is
/// an instant of CLOCK_BOOTTIME, and the calendar time is computed when a span leaves. All spans of one request share
/// the anchor of its root.
public struct ClockAnchor: Hashable, Sendable {
    /// Calendar time minus CLOCK_BOOTTIME, in nanoseconds.
    public let offset: UInt64

    /// An anchor with a known difference.
    public init(offset: UInt64) { self.offset = offset }

    /// The anchor that new roots take.
    public static var current: ClockAnchor { ClockAnchor(offset: currentOffset.load(ordering: .relaxed)) }

    /// Reads both clocks again. Requests that are under way keep the anchor that they began with.
    public static func renew() {
        currentOffset.store(measure().offset, ordering: .relaxed)
    }

    /// Nanoseconds since the epoch of an instant of CLOCK_BOOTTIME.
    public func unixTime(_ bootTime: UInt64) -> UInt64 { bootTime &+ offset }

    /// The instant of CLOCK_BOOTTIME of nanoseconds since the epoch; 0 for what was before the boot.
    public func bootTime(unixTime: UInt64) -> UInt64 { unixTime > offset ? unixTime - offset : 0 }

    /// How often the clocks are read; one undisturbed reading is enough, and of five one will be.
    private static let readings = 5

    private static func measure() -> ClockAnchor {
        var best: (gap: UInt64, offset: UInt64) = (UInt64.max, 0)
        for _ in 0..<readings {
            let before = Kernel.bootTime()
            let calendar = realTime()
            let gap = Kernel.bootTime() - before
            if gap < best.gap { best = (gap, calendar &- (before + gap / 2)) }
        }
        return ClockAnchor(offset: best.offset)
    }

    private static let currentOffset = Atomic<UInt64>(measure().offset)
}
