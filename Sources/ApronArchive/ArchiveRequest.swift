import ArchiveProtocol
import Codecs

/// What the process was started for:
/// `unpack|pack --encoding gzip|zstd|s2|raw|auto [--path PATH] [--privileged] [--namespace] [--level N]`.
struct ArchiveRequest {
    enum Action: String { case unpack, pack }

    let action: Action
    /// The stream's format; nil to tell it by the first bytes.
    private(set) var format: Format?
    /// Where in the root, as the client wrote it.
    private(set) var path = "."
    /// Whether device nodes may be made.
    private(set) var isPrivileged = false
    /// Whether descriptor 5 is a user namespace to enter.
    private(set) var entersNamespace = false
    private(set) var level: Int?

    init(_ arguments: [String]) throws(ArchiveFault) {
        var rest = arguments.dropFirst()
        guard let action = rest.popFirst().flatMap(Action.init) else {
            throw ArchiveFault(.failed, "the first argument must be pack or unpack")
        }
        self.action = action
        var encoding: String?
        while let option = rest.popFirst() {
            switch option {
            case "--privileged": isPrivileged = true
            case "--namespace": entersNamespace = true
            case "--encoding": encoding = rest.popFirst()
            case "--path": path = rest.popFirst() ?? "."
            case "--level": level = rest.popFirst().flatMap { Int($0) }
            default: throw ArchiveFault(.failed, "unknown argument \(option)")
            }
        }
        guard let encoding else { throw ArchiveFault(.failed, "no encoding was given") }
        format = Format(rawValue: encoding)
        if format == nil && (encoding != "auto" || action == .pack) {
            throw ArchiveFault(.failed, "unknown encoding \(encoding)")
        }
    }
}
