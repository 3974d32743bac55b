/// A terminal's size in characters.
public struct WindowSize: Sendable, Hashable, Codable {
    /// Columns.
    public var columns: UInt16
    /// Rows.
    public var rows: UInt16

    /// A size.
    public init(columns: UInt16, rows: UInt16) {
        self.columns = columns
        self.rows = rows
    }
}

/// A program to run in a container.
public struct ProcessRequest: Sendable, Hashable, Codable {
    /// Unique in the container; nil: the worker invents one.
    public var id: String?
    /// The program: a path, or a name looked up in the process's PATH.
    public var path = ""
    /// Arguments after the program's name.
    public var arguments: [String] = []
    /// `K=V`, added after the container's; the later of a name wins.
    public var environment: [String] = []
    /// Working directory, made when missing; empty: see the compatibility mode.
    public var directory = ""
    /// `name`, `name:group`, `uid`, `uid:gid`; empty: root.
    public var user = ""
    /// Resource limits by Garden's names (`nofile`, `core`, …), soft = hard.
    public var rlimits: [String: UInt64] = [:]
    /// Present: run on a terminal of this size.
    public var terminal: WindowSize?
    /// Forbid gaining privileges by setuid programs (prctl(2) PR_SET_NO_NEW_PRIVS).
    public var noNewPrivileges = false

    /// An empty request.
    public init() {}
}
