/// Somebody who has a volume mounted.
public enum VolumeUser: Hashable, Sendable, CustomStringConvertible {
    /// The container of that handle.
    case container(String)
    /// A transfer of an archive, by a number that its maker chose.
    case stream(UInt64)
    /// The making of another volume, which reads this one.
    case creation(of: String)

    /// For messages: `container h`.
    public var description: String {
        switch self {
        case .container(let handle): "container \(handle)"
        case .stream: "a stream"
        case .creation(let handle): "the making of volume \(handle)"
        }
    }
}
