import CKernel

/// Process 1 of a container. Born by the daemon's clone3 with descriptors 0 to 4 (see InitProtocol.h), it trusts no path
/// of the container, and ends only when it is killed.
@main
struct ProcessOne {
    static func main() {
        // Nobody inside may trace it or open its memory and descriptors (ptrace(2), PR_SET_DUMPABLE).
        _ = apron_prctl(4, 0, 0, 0, 0)

        var supervisor = Supervisor()
        supervisor.run()
    }
}
