internal import Kernel

/// One socket that a program's output is sent to.
struct Attacher {
    /// Tells attachers of one stream apart.
    let id: UInt64
    let socket: SharedDescriptor
    /// Held for as long as events of the socket are wanted.
    let registration: PumpRegistration
    let end: @Sendable (AttachEnd) -> Void
    /// The first byte that the socket has not accepted.
    var position: UInt64
    /// Where the program's output ends for this attacher, once that is known.
    var endsAt: UInt64?
    /// Since when the socket has refused bytes; nil while it may accept some.
    var blockedSince: UInt64?
    /// When it last accepted some.
    var progressAt: UInt64
    var bytes: UInt64 = 0

    /// Bytes of `available` that are still its own.
    func wanted(of available: Int) -> Int {
        guard let endsAt else { return available }
        return min(available, Int(clamping: endsAt - min(endsAt, position)))
    }

    mutating func progressed(_ count: Int, now: UInt64) {
        position += UInt64(count)
        bytes += UInt64(count)
        progressAt = now
    }
}
