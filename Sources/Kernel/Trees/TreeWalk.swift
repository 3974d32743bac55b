internal import Glibc

/// A way through a directory tree: entry by entry, down into the directories that the caller wants to see.
///
/// Works by descriptors alone. Neither the tree's depth nor the number of entries in a directory matters; a directory
/// that is deep above the current one is held as the list of names that are left in it.
public struct TreeWalk: ~Copyable {
    private final class Level {
        let name: EntryName?
        var reader: DirectoryReader?
        /// Listed and not yet handed out, in reverse.
        var pending: [EntryName] = []

        init(name: EntryName?, reader: consuming DirectoryReader) {
            self.name = name
            self.reader = consume reader
        }

        func next(_ path: String) throws(KernelError) -> EntryName? {
            if pending.isEmpty, reader != nil {
                guard let chunk = try reader?.next(path), !chunk.isEmpty else {
                    reader = nil
                    return nil
                }
                pending = chunk.reversed().map { EntryName(bytes: $0.name) }
            }
            return pending.popLast()
        }

        /// Reads all that is left, to let the descriptor go.
        func drain(_ path: String) throws(KernelError) {
            var rest: [EntryName] = []
            while let chunk = try reader?.next(path), !chunk.isEmpty {
                rest += chunk.map { EntryName(bytes: $0.name) }
            }
            reader = nil
            pending = rest.reversed() + pending
        }
    }

    private var chain: DirectoryChain
    private var levels: [Level]

    /// Begins at the top of a tree.
    public init(_ top: Directory) throws(KernelError) {
        let level = Level(name: nil, reader: try top.reader())
        let chain = try DirectoryChain(top)
        levels = [level]
        self.chain = chain
    }

    /// The directory whose entries come next.
    public var current: Directory { chain.current }
    /// Directories entered and not left; 0 at the top.
    public var depth: Int { chain.count - 1 }
    /// The names that lead from the top to the current directory.
    public var names: [EntryName] { levels.compactMap(\.name) }

    /// Whether a directory is the current one or one above it.
    public func contains(_ status: FileStatus) -> Bool { chain.contains(status) }

    /// The next entry of the current directory, in no order; nil when there is no more.
    public mutating func next() throws(KernelError) -> EntryName? { try levels[levels.count - 1].next(current.path) }

    /// Goes on in a directory that the current one has under this name.
    /// - Parameters:
    ///   - directory: opened for reading
    ///   - byLink: the name is that of a symbolic link
    public mutating func enter(
        _ name: EntryName, _ directory: Directory, byLink: Bool = false
    ) throws(KernelError) {
        let reader = try directory.reader()
        try chain.enter(directory, byLink: byLink)
        levels.append(Level(name: name, reader: reader))
        let closing = levels.count - DirectoryChain.openMax - 1
        if closing >= 0 { try levels[closing].drain(current.path) }
    }

    /// Goes back to the directory above.
    /// - Returns: false at the top, which cannot be left
    public mutating func leave() throws(KernelError) -> Bool {
        if depth == 0 { return false }
        levels.removeLast()
        try chain.leave()
        return true
    }
}

extension ErrorNumber {
    /// ESTALE.
    public static let stale = ErrorNumber(rawValue: ESTALE)
    /// ECANCELED.
    public static let cancelled = ErrorNumber(rawValue: ECANCELED)
    /// EMLINK.
    public static let tooManyNames = ErrorNumber(rawValue: EMLINK)
}
