public import Kernel

/// Why a container cannot be connected although no system call failed.
public enum NetworkError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Every address of the pool is leased.
    case exhausted(pool: CIDR, inUse: Int)
    /// A setting, or something on the host that has a name of ours, makes the network impossible; a sentence.
    case unsuitable(String)

    /// `no free address in 10.80.0.0/16: 65533 in use`.
    public var description: String {
        switch self {
        case .exhausted(let pool, let inUse): "no free address in \(pool): \(inUse) in use"
        case .unsuitable(let reason): reason
        }
    }
}
