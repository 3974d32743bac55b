/// Why an attacher's time with an output stream ended, and how many bytes its socket had accepted by then.
public enum AttachEnd: Hashable, Sendable {
    /// All output was sent, then the end of it.
    case delivered(UInt64)
    /// The peer closed or reset the connection.
    case clientGone(UInt64)
    /// The peer took nothing for a whole minute while the program waited; it may attach again.
    case stalled(UInt64)
    /// The task that attached was cancelled.
    case detached(UInt64)
    /// The stream was closed or let go of, or the pump stopped.
    case closed(UInt64)

    /// The bytes that the socket had accepted.
    public var bytes: UInt64 {
        switch self {
        case .delivered(let bytes), .clientGone(let bytes), .stalled(let bytes), .detached(let bytes),
            .closed(let bytes):
            bytes
        }
    }
}
