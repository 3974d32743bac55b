internal import CKernel
internal import Glibc

/// Namespaces to be born in (clone(2), CLONE_NEW*).
public struct Namespaces: OptionSet, Sendable, Hashable {
    /// The bits as clone3(2) takes them.
    public let rawValue: UInt64

    /// Bits of clone3(2); unknown ones are kept.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// CLONE_NEWNS.
    public static let mount = Namespaces(rawValue: 0x0002_0000)
    /// CLONE_NEWCGROUP.
    public static let cgroup = Namespaces(rawValue: 0x0200_0000)
    /// CLONE_NEWUTS.
    public static let hostName = Namespaces(rawValue: 0x0400_0000)
    /// CLONE_NEWIPC.
    public static let ipc = Namespaces(rawValue: 0x0800_0000)
    /// CLONE_NEWUSER.
    public static let user = Namespaces(rawValue: 0x1000_0000)
    /// CLONE_NEWPID.
    public static let pid = Namespaces(rawValue: 0x2000_0000)
    /// CLONE_NEWNET.
    public static let network = Namespaces(rawValue: 0x4000_0000)
}

/// A child of this process, known by pidfd: no other process can be taken for it.
public struct ChildProcess: ~Copyable, Sendable {
    /// Its number in this process's pid namespace.
    public let pid: Int32
    /// Its pidfd (pidfd_open(2)).
    public let descriptor: Descriptor

    /// Starts an executable, named by descriptor, as a child in new namespaces.
    ///
    /// The child shares this process's memory only until its exec, runs no code but a few lines of C meanwhile, and
    /// costs the same however large this process is. Call it on a thread that may block: it returns after the exec.
    /// - Parameters:
    ///   - program: the executable; execveat(2)
    ///   - cgroup: cgroup v2 directory to be born in (CLONE_INTO_CGROUP, Linux 5.7)
    ///   - descriptors: the child's 0, 1, 2, …; it gets no others. At most 16
    ///   - keepsCapabilities: for a new user namespace whose id maps are not written yet
    public static func start(
        program: borrowing Descriptor,
        arguments: [String],
        environment: [String] = [],
        namespaces: Namespaces,
        cgroup: Int32? = nil,
        descriptors: [Int32],
        keepsCapabilities: Bool
    ) throws(KernelError) -> ChildProcess {
        let programNumber = program.number
        var launch = unsafe apron_launch()
        unsafe launch.namespaces = namespaces.rawValue
        unsafe launch.cgroup = cgroup ?? -1
        unsafe launch.program = programNumber
        unsafe launch.descriptor_count = UInt32(descriptors.count)
        unsafe launch.raise_ambient = keepsCapabilities ? 1 : 0
        // Safe: the arrays and texts live in this frame until apron_launch has returned, which is after the exec.
        let pid = unsafe descriptors.withUnsafeBufferPointer { numbers in
            unsafe withTexts(arguments) { argumentTexts in
                unsafe withTexts(environment) { environmentTexts in
                    unsafe launch.descriptors = numbers.baseAddress
                    unsafe launch.arguments = UnsafePointer(argumentTexts)
                    unsafe launch.environment = UnsafePointer(environmentTexts)
                    return unsafe apron_launch(&launch)
                }
            }
        }
        if pid < 0 {
            let calls = ["clone3", "capset", "dup", "setsid", "execveat"]
            let step = unsafe Int(launch.failed_step)
            throw KernelError(
                call: calls.indices.contains(step) ? calls[step] : "clone3",
                errno: ErrorNumber(rawValue: unsafe launch.error), subject: arguments.first)
        }
        return ChildProcess(pid: pid, descriptor: Descriptor(owning: unsafe launch.pidfd))
    }

    private init(pid: Int32, descriptor: consuming Descriptor) {
        self.pid = pid
        self.descriptor = descriptor
    }

    /// Reaps the child if it has ended: true once it is gone. Any later call is true, too.
    public borrowing func reap() throws(KernelError) -> Bool {
        var info = unsafe siginfo_t()
        let number = descriptor.number
        do {
            // Safe: waitid fills the local siginfo_t only.
            try invoke("waitid") { unsafe waitid(idtype_t(rawValue: 3), id_t(number), &info, WEXITED | WNOHANG) }
        } catch {
            if error.errno == .noChild { return true }
            throw error
        }
        return unsafe info.si_signo == SIGCHLD
    }

    /// Waits for the child's end and reaps it. Blocks.
    public borrowing func wait() throws(KernelError) {
        var info = unsafe siginfo_t()
        let number = descriptor.number
        do {
            // Safe: waitid fills the local siginfo_t only.
            try invoke("waitid") { unsafe waitid(idtype_t(rawValue: 3), id_t(number), &info, WEXITED) }
        } catch {
            if error.errno != .noChild { throw error }
        }
    }

    /// Sends a signal; false when the process is gone.
    @discardableResult
    public borrowing func signal(_ number: Int32) throws(KernelError) -> Bool {
        try sendSignal(number, to: descriptor)
    }
}

/// Sends a signal through a pidfd; false when the process is gone (pidfd_send_signal(2), Linux 5.1).
@discardableResult
public func sendSignal(_ number: Int32, to pidfd: borrowing Descriptor) throws(KernelError) -> Bool {
    let descriptor = pidfd.number
    do {
        try invoke("pidfd_send_signal") { apron_pidfd_send_signal(descriptor, number) }
        return true
    } catch {
        if error.errno == .noProcess { return false }
        throw error
    }
}

/// Waits until a process has ended, at most `milliseconds`; false when the time is over (poll(2) on a pidfd).
public func waitForExit(of pidfd: borrowing Descriptor, milliseconds: Int32) throws(KernelError) -> Bool {
    var polled = pollfd(fd: pidfd.number, events: Int16(POLLIN), revents: 0)
    // Safe: poll reads and writes the one local pollfd.
    return try invoke("poll") { unsafe poll(&polled, 1, milliseconds) } > 0
}

/// Reaps an ended child by its pidfd; nothing when it was reaped before or is no child.
public func reapChild(_ pidfd: borrowing Descriptor) throws(KernelError) {
    var info = unsafe siginfo_t()
    let number = pidfd.number
    do {
        // Safe: waitid fills the local siginfo_t only.
        try invoke("waitid") { unsafe waitid(idtype_t(rawValue: 3), id_t(number), &info, WEXITED | WNOHANG) }
    } catch {
        if error.errno != .noChild { throw error }
    }
}

/// Opens a process of this pid namespace; nil when there is none (pidfd_open(2), Linux 5.3).
public func openProcess(_ pid: Int32) throws(KernelError) -> Descriptor? {
    do {
        return Descriptor(owning: try invoke("pidfd_open", "\(pid)") { apron_pidfd_open(pid, 0) })
    } catch {
        if error.errno == .noProcess || error.errno == .invalid { return nil }
        throw error
    }
}

/// Calls `body` with the texts as a NULL-terminated array of C strings, which lives for the call only.
private func withTexts<Result>(
    _ texts: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> Result
) -> Result {
    // Safe: every copy made here is freed after the call, and the array ends with NULL.
    var copies = unsafe texts.map { unsafe strdup($0) }
    unsafe copies.append(nil)
    defer { unsafe copies.forEach { unsafe free($0) } }
    return unsafe copies.withUnsafeMutableBufferPointer { unsafe body($0.baseAddress) }
}
