internal import CKernel
internal import Glibc

/// One BPF instruction (`struct bpf_insn`, linux/bpf.h).
public struct BpfInstruction: Hashable, Sendable {
    /// Class, operation and operand size.
    public let code: UInt8
    /// Destination register in the low four bits, source register in the high four.
    public let registers: UInt8
    /// Signed jump distance in instructions, or memory offset in bytes.
    public let offset: Int16
    /// The constant operand.
    public let immediate: Int32

    /// An instruction.
    public init(code: UInt8, destination: UInt8, source: UInt8 = 0, offset: Int16 = 0, immediate: Int32 = 0) {
        self.code = code
        self.registers = destination | source << 4
        self.offset = offset
        self.immediate = immediate
    }
}

/// A device program in the kernel, which may be attached to any number of v2 groups; it lives as long as they do.
public final class DeviceFilter: Sendable {
    private let descriptor: Descriptor

    /// Has the kernel verify and load a program (BPF_PROG_TYPE_CGROUP_DEVICE, Linux 4.15; CAP_BPF or CAP_SYS_ADMIN).
    public init(_ program: [BpfInstruction]) throws(KernelError) {
        precondition(MemoryLayout<BpfInstruction>.size == 8, "bpf_insn is kernel ABI")
        let number = try invoke("bpf", "BPF_PROG_LOAD of \(program.count) device instructions") {
            // Safe: the array is contiguous, has `count` elements of the kernel's layout and lives for the call.
            unsafe program.withUnsafeBytes { unsafe apron_bpf_load_device($0.baseAddress, UInt32(program.count)) }
        }
        descriptor = Descriptor(owning: number)
    }

    /// Attaches it to a group; the filters of groups above still apply (CAP_NET_ADMIN as well).
    public func attach(to group: borrowing Descriptor, path: @autoclosure () -> String) throws(KernelError) {
        let cgroup = group.number
        try invoke("bpf", "BPF_PROG_ATTACH \(path())") { apron_bpf_attach_device(descriptor.number, cgroup) }
    }
}
