internal import Glibc

extension ChildProcess {
    /// How a process came to its end.
    public enum Ending: Hashable, Sendable {
        /// By itself, with this status.
        case status(Int32)
        /// By this signal.
        case signal(Int32)
        /// Nobody knows: it was reaped before.
        case unknown
    }

    /// Waits for the child's end and reaps it. Blocks.
    public borrowing func waitForEnding() throws(KernelError) -> Ending {
        var info = unsafe siginfo_t()
        let number = descriptor.number
        do {
            // Safe: waitid fills the local siginfo_t only.
            try invoke("waitid") { unsafe waitid(idtype_t(rawValue: 3), id_t(number), &info, WEXITED) }
        } catch {
            if error.errno == .noChild { return .unknown }
            throw error
        }
        // Safe: for a child's end the kernel filled this part of the union.
        let status = unsafe info._sifields._sigchld.si_status
        return unsafe info.si_code == Int32(CLD_EXITED) ? .status(status) : .signal(status)
    }
}
