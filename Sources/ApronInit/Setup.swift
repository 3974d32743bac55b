import CKernel
import InitProtocol

/// Carries a plan's operations out, one after the other, and stamps each.
struct Setup {
    private let descriptors: [Int32]
    private var root: Int32 = -1
    private var nullDevice: Int32 = -1
    private var netlink: Int32 = -1
    /// What hides directories: an empty one that nobody can write to.
    private var emptyDirectory: Int32 = -1
    /// The standard file systems: where they are mounted, and the mount itself.
    private var places: [(target: UnsafePointer<CChar>, mount: Int32)] = []
    /// The devpts instance that terminals are taken from, by descriptor: no path inside the container is trusted.
    private(set) var devpts: Int32 = -1
    /// The cgroup that programs are born in, on cgroup v2.
    private(set) var payloadCgroup: Int32 = -1
    /// One record per operation that was begun.
    private(set) var records: [apron_step] = []

    /// Prepares to carry a plan out with the descriptors that came along.
    init(descriptors: [Int32]) { self.descriptors = descriptors }

    /// Carries the plan out up to the first failure.
    mutating func run(_ plan: borrowing Document) throws(Failure) {
        let header = try plan.load(apron_plan.self, at: 0)
        guard header.operations <= APRON_OPERATIONS_MAX else { throw Failure(APRON_CALL_PLAN, errno: Errno.invalid) }
        records.reserveCapacity(Int(header.operations))
        var now = apron_clock(bootClock)
        for index in 0..<Int(header.operations) {
            let operation = try plan.element(
                apron_operation.self, of: UInt32(MemoryLayout<apron_plan>.size), index)
            var record = apron_step()
            record.step = UInt16(index)
            record.group = operation.group
            record.start = now
            do throws(Failure) {
                try perform(operation, plan)
                now = apron_clock(bootClock)
                record.end = now
                records.append(record)
            } catch {
                now = apron_clock(bootClock)
                record.end = now
                record.error = error.errno
                record.call = error.call
                records.append(record)
                if !isTolerated(error, operation) { throw error }
            }
        }
        closeTemporaries()
    }

    /// Closes what only the set-up needed.
    mutating func closeTemporaries() {
        for descriptor in [root, nullDevice, netlink, emptyDirectory] where descriptor >= 0 {
            _ = apron_close(descriptor)
        }
        for place in places where place.mount != devpts { _ = apron_close(place.mount) }
        places = []
        root = -1
        nullDevice = -1
        netlink = -1
        emptyDirectory = -1
    }

    private func isTolerated(_ failure: Failure, _ operation: apron_operation) -> Bool {
        guard operation.flags & UInt32(APRON_OPTIONAL.rawValue) != 0 else { return false }
        return failure.errno == Errno.noEntry || failure.errno == Errno.noDevice
            || failure.errno == Errno.permission || failure.errno == Errno.invalid
    }

    private mutating func perform(_ operation: apron_operation, _ plan: borrowing Document) throws(Failure) {
        switch apron_operation_code(UInt32(operation.code)) {
        case APRON_IDENTITY: try becomeRoot()
        case APRON_PRIVATE_MOUNTS: try check(APRON_CALL_MOUNT, apron_mount_private())
        case APRON_ATTACH_ROOT: try attachRoot(operation)
        case APRON_ATTACH: try attach(operation, plan)
        case APRON_FILE_SYSTEM: try mountFileSystem(operation, plan)
        case APRON_PIVOT: try pivot()
        case APRON_MASK: try mask(operation, plan)
        case APRON_READ_ONLY: try makeReadOnly(operation, plan)
        case APRON_HOST_NAME:
            let name = try plan.text(operation.source)
            try check(APRON_CALL_SETHOSTNAME, apron_sethostname(name, length(name)))
        case APRON_NETLINK: try configureNetwork(operation, plan)
        case APRON_PAYLOAD_CGROUP: payloadCgroup = try descriptor(operation)
        default: throw Failure(APRON_CALL_PLAN, errno: Errno.invalid)
        }
    }

    private func descriptor(_ operation: apron_operation) throws(Failure) -> Int32 {
        guard operation.descriptor >= 0, Int(operation.descriptor) < descriptors.count else {
            throw Failure(APRON_CALL_PLAN, errno: Errno.invalid)
        }
        return descriptors[Int(operation.descriptor)]
    }

    // The capabilities came through the exec in the ambient set; once the user id is the container's root they stay
    // without it, and nothing that is run later may inherit them.
    private func becomeRoot() throws(Failure) {
        try check(APRON_CALL_SETGROUPS, apron_setgroups(nil, 0))
        try check(APRON_CALL_SETRESGID, apron_setresgid(0))
        try check(APRON_CALL_SETRESUID, apron_setresuid(0))
        try check(APRON_CALL_PRCTL, apron_prctl(ambientOption, ambientClearAll, 0, 0, 0))
        // The change of ids has set it to what the host has for programs that change ids (fs.suid_dumpable, proc(5)).
        becomeUntraceable()
    }

    // /proc is there on every host; what is mounted over it here goes with the old root.
    private mutating func attachRoot(_ operation: apron_operation) throws(Failure) {
        root = try descriptor(operation)
        try check(APRON_CALL_MOVE_MOUNT, apron_attach_mount_at(root, "/proc"))
    }

    private mutating func attach(_ operation: apron_operation, _ plan: borrowing Document) throws(Failure) {
        let mount = try descriptor(operation)
        let path = try plan.text(operation.target)
        let isDeviceTree = operation.flags & UInt32(APRON_KEEP_NULL.rawValue) != 0
        if isDeviceTree { nullDevice = try check(APRON_CALL_OPENAT2, apron_open_path(mount, "null")) }
        let isFile = operation.flags & UInt32(APRON_TARGET_FILE.rawValue) != 0
        let target =
            isDeviceTree ? try openPlainTarget(path) : try Root(descriptor: root).openOrMake(path, file: isFile)
        defer { _ = apron_close(target) }
        try check(APRON_CALL_MOVE_MOUNT, apron_attach_mount(mount, target))
        if isDeviceTree { places.append((path, mount)) } else { _ = apron_close(mount) }
    }

    private mutating func mountFileSystem(_ operation: apron_operation, _ plan: borrowing Document) throws(Failure) {
        let path = try plan.text(operation.target)
        let context = try check(APRON_CALL_FSOPEN, apron_fsopen(plan.text(operation.source), closeOnExecContext))
        defer { _ = apron_close(context) }
        try configure(context, plan.text(operation.data))
        try check(APRON_CALL_FSCONFIG, apron_configure(context, nil, nil))
        let mount = try check(
            APRON_CALL_FSMOUNT,
            apron_fsmount(context, closeOnExecContext, UInt32(truncatingIfNeeded: operation.argument)))
        do throws(Failure) {
            let target = try openPlainTarget(path)
            defer { _ = apron_close(target) }
            try check(APRON_CALL_MOVE_MOUNT, apron_attach_mount(mount, target))
        } catch {
            _ = apron_close(mount)
            throw error
        }
        places.append((path, mount))
        if operation.flags & UInt32(APRON_KEEP_DEVPTS.rawValue) != 0 { devpts = mount }
    }

    /// Sets the parameters of `key=value` and `flag` lines.
    private func configure(_ context: Int32, _ lines: UnsafePointer<CChar>) throws(Failure) {
        var line = [CChar]()
        var equals = -1
        var next = lines
        while true {
            let character = next.pointee
            next += 1
            if character != newLine, character != 0 {
                if character == equalSign, equals < 0 {
                    equals = line.count
                    line.append(0)
                } else {
                    line.append(character)
                }
                continue
            }
            if !line.isEmpty {
                line.append(0)
                let result = line.withUnsafeBufferPointer { buffer in
                    guard let base = buffer.baseAddress else { return Int32(-1) }
                    return apron_configure(context, base, equals < 0 ? nil : base + equals + 1)
                }
                try check(APRON_CALL_FSCONFIG, result)
            }
            if character == 0 { return }
            line.removeAll(keepingCapacity: true)
            equals = -1
        }
    }

    private func pivot() throws(Failure) {
        try check(APRON_CALL_FCHDIR, apron_fchdir(root))
        try check(APRON_CALL_PIVOT_ROOT, apron_pivot_root(".", "."))
        try check(APRON_CALL_UMOUNT2, apron_umount_detached("."))
        try check(APRON_CALL_CHDIR, apron_chdir("/"))
    }

    // The source is the node of the /dev that the daemon built, taken before anything could be laid over it
    // (CVE-2025-31133); the target is held by descriptor from the check to the mount, and no link leads to it.
    private mutating func mask(_ operation: apron_operation, _ plan: borrowing Document) throws(Failure) {
        let target = openPlain(try plan.text(operation.target))
        if target < 0, apron_errno() == Errno.noEntry { return }
        try check(APRON_CALL_OPENAT2, target)
        defer { _ = apron_close(target) }
        if try check(APRON_CALL_STAT, apron_is_directory(target)) == 1 {
            // Of the first one, which is attached, the others are copies: a file system costs more than a mount.
            if emptyDirectory < 0 { return try attachEmptyDirectory(target) }
            let copy = try check(APRON_CALL_OPEN_TREE, apron_clone_mount(emptyDirectory))
            defer { _ = apron_close(copy) }
            try check(APRON_CALL_MOVE_MOUNT, apron_attach_mount(copy, target))
        } else {
            let null = try check(APRON_CALL_OPEN_TREE, apron_clone_mount(nullDevice))
            defer { _ = apron_close(null) }
            try check(APRON_CALL_MOVE_MOUNT, apron_attach_mount(null, target))
        }
    }

    private mutating func attachEmptyDirectory(_ target: Int32) throws(Failure) {
        let context = try check(APRON_CALL_FSOPEN, apron_fsopen("tmpfs", closeOnExecContext))
        defer { _ = apron_close(context) }
        try configure(context, "nr_inodes=2\nmode=0555")
        try check(APRON_CALL_FSCONFIG, apron_configure(context, nil, nil))
        emptyDirectory = try check(APRON_CALL_FSMOUNT, apron_fsmount(context, closeOnExecContext, readOnlyMount))
        try check(APRON_CALL_MOVE_MOUNT, apron_attach_mount(emptyDirectory, target))
    }

    private func makeReadOnly(_ operation: apron_operation, _ plan: borrowing Document) throws(Failure) {
        let target = openPlain(try plan.text(operation.target))
        if target < 0, apron_errno() == Errno.noEntry { return }
        try check(APRON_CALL_OPENAT2, target)
        defer { _ = apron_close(target) }
        let copy = try check(APRON_CALL_OPEN_TREE, apron_clone_mount(target))
        defer { _ = apron_close(copy) }
        try check(APRON_CALL_MOUNT_SETATTR, apron_mount_read_only(copy))
        try check(APRON_CALL_MOVE_MOUNT, apron_attach_mount(copy, target))
    }

    private mutating func configureNetwork(
        _ operation: apron_operation, _ plan: borrowing Document
    ) throws(Failure) {
        if netlink < 0 { netlink = try check(APRON_CALL_SOCKET, apron_netlink_socket()) }
        guard let size = Int(exactly: operation.argument) else { throw Failure(APRON_CALL_PLAN, errno: Errno.invalid) }
        let message = try plan.bytes(operation.data, size)
        // The kernel answers nothing to what it takes for the rest of a message, or what asks for no answer.
        guard size >= netlinkHeaderBytes, Int(message.loadUnaligned(as: UInt32.self)) == size,
            message.loadUnaligned(fromByteOffset: 6, as: UInt16.self) & netlinkAcknowledged == netlinkAcknowledged
        else { throw Failure(APRON_CALL_NETLINK, errno: Errno.invalid) }
        try check(APRON_CALL_SEND, apron_write(netlink, message, size))
        // An acknowledgement is NLMSG_ERROR (2) with error 0: header of 16 bytes, then the number (netlink(7)).
        var answer = [UInt8](repeating: 0, count: 1024)
        let received = answer.withUnsafeMutableBytes { apron_read(netlink, $0.baseAddress, $0.count) }
        try check(APRON_CALL_RECV, received)
        let (kind, error) = answer.withUnsafeBytes {
            ($0.loadUnaligned(fromByteOffset: 4, as: UInt16.self), $0.loadUnaligned(fromByteOffset: 16, as: Int32.self))
        }
        guard received >= 20, kind == 2 else { throw Failure(APRON_CALL_NETLINK, errno: Errno.invalid) }
        if error < 0 { throw Failure(APRON_CALL_NETLINK, errno: -error) }
    }

    /// Opens the place for one of the standard file systems, which is made when missing. No link may be on the way: the
    /// container would have something else where programs look for the kernel's files.
    private func openPlainTarget(_ path: UnsafePointer<CChar>) throws(Failure) -> Int32 {
        var target = openPlain(path)
        if target < 0, apron_errno() == Errno.noEntry {
            _ = apron_close(try Root(descriptor: root).openOrMake(path, file: false))
            target = openPlain(path)
        }
        return try check(APRON_CALL_OPENAT2, target)
    }

    /// Opens a path without following any link. Below a standard file system the search begins at that very mount, so
    /// that nobody who shares the root directory can lead it elsewhere (CVE-2025-52881).
    private func openPlain(_ path: UnsafePointer<CChar>) -> Int32 {
        var (base, rest, longest) = (root, path, 0)
        for place in places {
            let count = length(place.target)
            guard count > longest, hasPrefix(path, place.target, count), path[count] == slash else { continue }
            (base, rest, longest) = (place.mount, path + count, count)
        }
        return apron_plain_path_in_root(base, rest)
    }

    private func hasPrefix(_ path: UnsafePointer<CChar>, _ prefix: UnsafePointer<CChar>, _ count: Int) -> Bool {
        for index in 0..<count where path[index] != prefix[index] { return false }
        return true
    }
}

let bootClock: Int32 = 7  // CLOCK_BOOTTIME, the clock of every span
private let closeOnExecContext: UInt32 = 1  // FSOPEN_CLOEXEC and FSMOUNT_CLOEXEC
private let readOnlyMount: UInt32 = 1  // MOUNT_ATTR_RDONLY
private let netlinkHeaderBytes = 16  // NLMSG_HDRLEN
private let netlinkAcknowledged: UInt16 = 5  // NLM_F_REQUEST and NLM_F_ACK
private let newLine = CChar(10)
private let equalSign = CChar(61)
private let ambientOption: Int32 = 47  // PR_CAP_AMBIENT
private let ambientClearAll: UInt = 4  // PR_CAP_AMBIENT_CLEAR_ALL
