import CKernel
import InitProtocol

/// What the child of a spawn leaves for its parent in a page that both share: its stamps, and its failure.
struct SpawnReport {
    static let pageBytes = 4096
    static let recordsMax = 16

    private let page: UnsafeMutableRawPointer

    /// Maps the page once; spawns use it one after the other.
    init?() {
        guard let page = apron_map_shared(SpawnReport.pageBytes) else { return nil }
        self.page = page
    }

    private var countPointer: UnsafeMutablePointer<UInt32> { page.assumingMemoryBound(to: UInt32.self) }
    private var recordPointer: UnsafeMutablePointer<apron_step> {
        (page + 64).assumingMemoryBound(to: apron_step.self)
    }

    func clear() { countPointer.pointee = 0 }

    var records: [apron_step] {
        var records = [apron_step]()
        for index in 0..<min(Int(countPointer.pointee), SpawnReport.recordsMax) { records.append(recordPointer[index]) }
        return records
    }

    /// The record of the step that failed, if one did.
    var failure: apron_step? {
        for record in records where record.error != 0 { return record }
        return nil
    }

    func begin(_ step: apron_program_step, _ group: apron_group) {
        guard countPointer.pointee < UInt32(SpawnReport.recordsMax) else { return }
        var record = apron_step()
        record.step = UInt16(step.rawValue)
        record.group = UInt16(group.rawValue)
        record.start = apron_clock(bootClock)
        record.end = record.start
        recordPointer[Int(countPointer.pointee)] = record
        countPointer.pointee += 1
    }

    func end(_ failure: Failure?) {
        let last = Int(countPointer.pointee) - 1
        guard last >= 0 else { return }
        recordPointer[last].end = apron_clock(bootClock)
        if let failure {
            recordPointer[last].error = failure.errno
            recordPointer[last].call = failure.call
        }
    }
}

/// The child's half of a spawn: from fork to exec.
struct Program: ~Copyable {
    private let document: Document
    private let header: apron_program

    /// Maps and checks a program.
    init(mapping descriptor: Int32) throws(Failure) {
        let document = try Document(
            mapping: descriptor, magic: UInt32(APRON_PROGRAM_MAGIC), headerBytes: MemoryLayout<apron_program>.size)
        let header = try document.load(apron_program.self, at: 0)
        self.init(document: document, header: header)
    }

    private init(document: consuming Document, header: apron_program) {
        self.document = document
        self.header = header
    }

    var hasTerminal: Bool { header.flags & UInt32(APRON_HAS_TERMINAL.rawValue) != 0 }
    var columns: UInt16 { header.columns }
    var rows: UInt16 { header.rows }
    var uid: UInt32 { header.uid }

    /// Becomes the program or exits; every step is stamped in `report`.
    func becomeProgram(_ report: SpawnReport, streams: (Int32, Int32, Int32), terminal: Bool) -> Never {
        do throws(Failure) {
            try step(report, APRON_PROGRAM_SESSION, APRON_GROUP_IDENTITY) { () throws(Failure) in
                _ = apron_signals_unblock()
                try leaveGroup()
            }
            if header.flags & UInt32(APRON_OWN_CGROUPS.rawValue) != 0 {
                // Now, not in process 1: a namespace rooted at process 1's cgroup would shut its programs out of theirs.
                try step(report, APRON_PROGRAM_CGROUP, APRON_GROUP_IDENTITY) { () throws(Failure) in
                    try check(APRON_CALL_UNSHARE, apron_unshare_cgroup())
                }
            }
            try step(report, APRON_PROGRAM_STREAMS, APRON_GROUP_IDENTITY) { () throws(Failure) in
                try placeStreams(streams, terminal)
            }
            try step(report, APRON_PROGRAM_LIMITS, APRON_GROUP_IDENTITY) { () throws(Failure) in try setLimits() }
            try step(report, APRON_PROGRAM_DIRECTORY, APRON_GROUP_IDENTITY) { () throws(Failure) in
                try enterDirectory()
            }
            try step(report, APRON_PROGRAM_BOUNDING, APRON_GROUP_IDENTITY) { () throws(Failure) in
                try dropBounding()
            }
            try step(report, APRON_PROGRAM_USER, APRON_GROUP_IDENTITY) { () throws(Failure) in try becomeUser() }
            try step(report, APRON_PROGRAM_SECCOMP, APRON_GROUP_SECCOMP) { () throws(Failure) in try loadFilter() }
            try step(report, APRON_PROGRAM_CAPABILITIES, APRON_GROUP_SECCOMP) { () throws(Failure) in
                try check(
                    APRON_CALL_CAPSET,
                    apron_capset(header.effective, header.permitted, header.inheritable))
            }
            report.begin(APRON_PROGRAM_EXEC, APRON_GROUP_EXEC)
            report.end(nil)
            try execute()
        } catch {
            report.end(error)
        }
        apron_end(127)
    }

    private func step(
        _ report: SpawnReport, _ code: apron_program_step, _ group: apron_group, _ body: () throws(Failure) -> Void
    ) throws(Failure) {
        report.begin(code, group)
        try body()
        report.end(nil)
    }

    // A terminal needs a session of its own. Without one a process group is enough: process 1's session has no terminal,
    // and a new session costs a scheduler group, up to milliseconds (sched(7), autogroup).
    private func leaveGroup() throws(Failure) {
        if hasTerminal {
            try check(APRON_CALL_SETSID, apron_setsid())
        } else {
            try check(APRON_CALL_SETPGID, apron_setpgid())
        }
    }

    private func placeStreams(_ streams: (Int32, Int32, Int32), _ terminal: Bool) throws(Failure) {
        if terminal {
            try check(APRON_CALL_IOCTL, apron_terminal_control(streams.0))
            // The terminal belongs to its user, as a login would leave it; group tty comes from the mount.
            try check(APRON_CALL_FCHOWN, apron_fchown(streams.0, header.uid, UInt32.max))
        }
        try check(APRON_CALL_DUP2, apron_dup2(streams.0, 0))
        try check(APRON_CALL_DUP2, apron_dup2(streams.1, 1))
        try check(APRON_CALL_DUP2, apron_dup2(streams.2, 2))
        // Nothing else of process 1 reaches the program (CVE-2024-21626): marked now, gone at the exec.
        try check(APRON_CALL_CLOSE_RANGE, apron_close_range(3, UInt32.max, 4))
    }

    private func setLimits() throws(Failure) {
        for index in 0..<Int(header.rlimit_count) {
            let limit = try document.element(apron_rlimit.self, of: header.rlimits, index)
            try check(APRON_CALL_SETRLIMIT, apron_setrlimit(Int32(limit.resource), limit.soft, limit.hard))
        }
    }

    private func enterDirectory() throws(Failure) {
        let root = Root(descriptor: try check(APRON_CALL_OPENAT2, apron_open_path(currentDirectory, "/")))
        let isOwn = header.flags & UInt32(APRON_OWN_DIRECTORY.rawValue) != 0
        let owner = isOwn ? Root.Owner(uid: header.uid, gid: header.gid) : nil
        let directory = try root.openOrMake(document.text(header.directory), file: false, owner: owner)
        try check(APRON_CALL_CHDIR, apron_fchdir(directory))
        // Whatever was overlooked above: a directory outside of the root has no path here (CVE-2024-21626).
        try check(APRON_CALL_GETCWD, apron_cwd_reachable())
    }

    private func dropBounding() throws(Failure) {
        for capability in 0..<UInt64.bitWidth where header.bounding & (1 << UInt64(capability)) == 0 {
            let result = apron_prctl(dropBoundingOption, UInt(capability), 0, 0, 0)
            // The kernel knows neither this one nor any after it, once it has dropped some.
            if result < 0, capability > 0, apron_errno() == Errno.invalid { return }
            try check(APRON_CALL_PRCTL, result)
        }
    }

    // The filter is loaded after the ids change, when only capset and exec are left to do, but it needs
    // CAP_SYS_ADMIN unless privileges may not grow (seccomp(2)): hence keep the permitted set across the change.
    private func becomeUser() throws(Failure) {
        let groups = try document.bytes(header.groups, Int(header.group_count) * 4)
        try check(
            APRON_CALL_SETGROUPS,
            apron_setgroups(groups.assumingMemoryBound(to: UInt32.self), Int(header.group_count)))
        try check(APRON_CALL_SETRESGID, apron_setresgid(header.gid))
        guard header.uid != 0 else { return }
        try check(APRON_CALL_PRCTL, apron_prctl(keepCapabilitiesOption, 1, 0, 0, 0))
        try check(APRON_CALL_SETRESUID, apron_setresuid(header.uid))
        // As after every change of ids; it lasts up to the exec.
        becomeUntraceable()
        let needed = header.permitted | adminCapability
        if header.filter_count > 0 { _ = apron_capset(needed, needed, 0) }
    }

    private func loadFilter() throws(Failure) {
        if header.flags & UInt32(APRON_NO_NEW_PRIVILEGES.rawValue) != 0 {
            try check(APRON_CALL_PRCTL, apron_prctl(noNewPrivilegesOption, 1, 0, 0, 0))
        }
        guard header.filter_count > 0 else { return }
        guard header.filter_count <= filterMax else { throw Failure(APRON_CALL_SECCOMP, errno: Errno.invalid) }
        let filter = try document.bytes(header.filter, Int(header.filter_count) * 8)
        try check(APRON_CALL_SECCOMP, apron_seccomp(filter, UInt16(header.filter_count)))
    }

    // Tries the candidates in the order of the search path: a candidate that is missing or may not be executed leaves
    // the next one its chance, and the most telling error is the one reported.
    private func execute() throws(Failure) {
        let arguments = try document.texts(header.arguments, header.argument_count)
        let environment = try document.texts(header.environment, header.environment_count)
        var worst = Errno.noEntry
        for index in 0..<Int(header.candidate_count) {
            let path = try document.text(document.element(UInt32.self, of: header.candidates, index))
            _ = apron_execve(path, arguments, environment)
            let errno = apron_errno()
            if errno == Errno.noEntry || errno == Errno.notDirectory { continue }
            worst = errno
            if errno != Errno.access { break }
        }
        throw Failure(APRON_CALL_EXECVE, errno: worst)
    }
}

private let dropBoundingOption: Int32 = 24  // PR_CAPBSET_DROP
private let keepCapabilitiesOption: Int32 = 8  // PR_SET_KEEPCAPS
private let noNewPrivilegesOption: Int32 = 38  // PR_SET_NO_NEW_PRIVS
private let adminCapability: UInt64 = 1 << 21  // CAP_SYS_ADMIN
private let filterMax: UInt32 = 4096  // BPF_MAXINSNS
private let currentDirectory: Int32 = -100  // AT_FDCWD
