internal import CKernel
internal import Glibc

/// Nanoseconds of CLOCK_BOOTTIME: monotonic, counts suspended time, the same in every process of the host.
@inlinable
@inline(__always)
public func bootTime() -> UInt64 { clockBootTime() }

/// Nanoseconds since the epoch of CLOCK_REALTIME; may jump.
public func realTime() -> UInt64 { apron_clock(CLOCK_REALTIME) }

@usableFromInline
func clockBootTime() -> UInt64 { apron_clock(CLOCK_BOOTTIME) }
