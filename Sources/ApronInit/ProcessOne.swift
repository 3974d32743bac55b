import CKernel
import CStart

/// Process 1 of a container. Born by the daemon's clone3 with descriptors 0 to 4 (see InitProtocol.h), it trusts no path
/// of the container, and ends only when it is killed.
@main
struct ProcessOne {
    static func main() {
        becomeUntraceable()
        // Else it would be the memory file's, cut off.
        _ = apron_prctl(nameOption, UInt(bitPattern: apron_program_name()), 0, 0, 0)

        var supervisor = Supervisor()
        supervisor.run()
    }
}

/// Nobody inside may trace this process or open its memory and descriptors (ptrace(2), PR_SET_DUMPABLE). A program is
/// traceable again from its exec on.
func becomeUntraceable() { _ = apron_prctl(dumpableOption, 0, 0, 0, 0) }

private let nameOption: Int32 = 15  // PR_SET_NAME
private let dumpableOption: Int32 = 4  // PR_SET_DUMPABLE
