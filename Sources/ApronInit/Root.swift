import CKernel
import InitProtocol

/// A directory that is, or will be, the container's root. Paths in it may be hostile: whatever links are on their way,
/// they end inside, and those of procfs that lead to open files are never followed (CVE-2024-21626).
struct Root {
    /// Who owns what is made.
    struct Owner {
        let uid: UInt32
        let gid: UInt32
    }

    /// Links to missing things that are followed when something is made; as many as the kernel follows (ELOOP).
    private static let linksMax = 40

    private enum Made {
        case opened(Int32)
        /// A link to something that is missing is in the way; this is where it leads.
        case redirected([CChar])
    }

    let descriptor: Int32

    /// Opens a path (O_PATH); what is missing of it is made: directories, at its end an empty file if `file` is set.
    func openOrMake(_ path: UnsafePointer<CChar>, file: Bool, owner: Owner? = nil) throws(Failure) -> Int32 {
        let opened = apron_path_in_root(descriptor, path)
        if opened >= 0 { return opened }
        if apron_errno() != Errno.noEntry { throw Failure(APRON_CALL_OPENAT2, errno: apron_errno()) }
        var path = Array(UnsafeBufferPointer(start: path, count: length(path)))
        for _ in 0..<Root.linksMax {
            switch try make(path, file, owner) {
            case .opened(let descriptor): return descriptor
            case .redirected(let target): path = target
            }
        }
        throw Failure(APRON_CALL_OPENAT2, errno: Errno.tooManyLinks)
    }

    /// Makes a path component by component. Each is opened again by the whole path: a link or `..` means something only
    /// from the root.
    private func make(_ path: [CChar], _ file: Bool, _ owner: Owner?) throws(Failure) -> Made {
        var (parent, end) = try openAbove(path)
        defer { _ = apron_close(parent) }
        while true {
            let start = skip(path, from: end) { $0 == slash }
            end = skip(path, from: start) { $0 != slash }
            let isLast = skip(path, from: end) { $0 == slash } == path.count
            let name = path[start..<end] + [0]
            try makeEntry(parent, Array(name), file: isLast && file, owner)
            let prefix = path[..<end] + [0]
            let entered =
                isLast
                ? apron_path_in_root(descriptor, Array(prefix)) : apron_directory_in_root(descriptor, Array(prefix))
            if entered >= 0 {
                if isLast { return .opened(entered) }
                _ = apron_close(parent)
                parent = entered
                continue
            }
            if apron_errno() != Errno.noEntry { throw Failure(APRON_CALL_OPENAT2, errno: apron_errno()) }
            let target = try readLink(parent, Array(name))
            return .redirected((target.first == slash ? [] : Array(path[..<start])) + target + path[end...])
        }
    }

    /// The directory of a path's last component, or the root when that one is missing, too; and where its name ends.
    private func openAbove(_ path: [CChar]) throws(Failure) -> (directory: Int32, end: Int) {
        var end = path.count
        while end > 0, path[end - 1] == slash { end -= 1 }
        while end > 0, path[end - 1] != slash { end -= 1 }
        while end > 0, path[end - 1] == slash { end -= 1 }
        if end > 0 {
            let above = apron_directory_in_root(descriptor, Array(path[..<end] + [0]))
            if above >= 0 { return (above, end) }
        }
        return (try check(APRON_CALL_OPENAT2, apron_directory_in_root(descriptor, "/")), 0)
    }

    /// Makes one entry unless there is one of that name.
    private func makeEntry(_ parent: Int32, _ name: [CChar], file: Bool, _ owner: Owner?) throws(Failure) {
        let made = file ? apron_make_file(parent, name) : apron_mkdirat(parent, name, 0o755)
        if made < 0 {
            if apron_errno() == Errno.exists { return }
            throw Failure(APRON_CALL_MKDIRAT, errno: apron_errno())
        }
        if file { _ = apron_close(made) }
        guard let owner else { return }
        // By descriptor: by then the name may stand for something else.
        let entry = try check(APRON_CALL_OPENAT2, apron_open_path(parent, name))
        defer { _ = apron_close(entry) }
        try check(APRON_CALL_FCHOWN, apron_chown_open(entry, owner.uid, owner.gid))
    }

    private func readLink(_ parent: Int32, _ name: [CChar]) throws(Failure) -> [CChar] {
        var text = [CChar](repeating: 0, count: 4096)  // PATH_MAX
        let count = text.withUnsafeMutableBufferPointer {
            apron_readlinkat(parent, name, $0.baseAddress, $0.count)
        }
        try check(APRON_CALL_OPENAT2, count)
        return Array(text[..<count])
    }

    private func skip(_ path: [CChar], from start: Int, _ isSkipped: (CChar) -> Bool) -> Int {
        var index = start
        while index < path.count, isSkipped(path[index]) { index += 1 }
        return index
    }
}

/// The length of a NUL-terminated text.
func length(_ text: UnsafePointer<CChar>) -> Int {
    var count = 0
    while text[count] != 0 { count += 1 }
    return count
}

let slash = CChar(47)
