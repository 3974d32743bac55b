internal import Glibc

/// What a descriptor is ready for, and how to be told (epoll_ctl(2)); bits without a name here are kept.
public struct PollEvents: OptionSet, Hashable, Sendable {
    /// The bits of epoll(7).
    public let rawValue: UInt32

    /// Wraps bits of epoll(7).
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// EPOLLIN: a read would not block.
    public static let readable = PollEvents(rawValue: 0x001)
    /// EPOLLOUT: a write would not block.
    public static let writable = PollEvents(rawValue: 0x004)
    /// EPOLLERR: the other end of a pipe or socket failed. Always reported.
    public static let error = PollEvents(rawValue: 0x008)
    /// EPOLLHUP: both directions are shut, or no writer of a pipe is left. Always reported.
    public static let hangup = PollEvents(rawValue: 0x010)
    /// EPOLLRDHUP: the peer will send no more.
    public static let peerClosed = PollEvents(rawValue: 0x2000)
    /// EPOLLONESHOT: tell once, then stay silent.
    public static let once = PollEvents(rawValue: 1 << 30)
    /// EPOLLET: tell about changes, not about states.
    public static let edges = PollEvents(rawValue: 1 << 31)
}
