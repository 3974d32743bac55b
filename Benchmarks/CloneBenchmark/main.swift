// What starting a process costs one that has so much memory. A child that shares its parent's memory until its exec
// costs a small process and a large one the same; one that copies page tables would cost the large one milliseconds.
//
//     swift run -c release CloneBenchmark MEBIBYTES
//
// For every line on standard input it starts `/bin/true` as the daemon starts a container's first process, and answers
// with the nanoseconds until the exec; so two of different size can be asked in turn.

import Glibc
import Kernel

guard CommandLine.arguments.count == 2, let mebibytes = Int(CommandLine.arguments[1]) else {
    print("usage: CloneBenchmark MEBIBYTES")
    exit(2)
}

/// Memory of this process in MiB, all of it touched (/proc/self/statm, in pages).
func residentMebibytes() throws -> Int {
    let words = try KernelFile.read("/proc/self/statm").split(separator: " ")
    return ((Int(words[1]) ?? 0) * sysconf(Int32(_SC_PAGESIZE))) >> 20
}

let ballast = [UInt8](repeating: 1, count: max(0, mebibytes - (try residentMebibytes())) << 20)
let resident = try residentMebibytes()
precondition(abs(resident - mebibytes) <= 2, "\(resident) MiB, not \(mebibytes)")
let program = try KernelFile.open("/bin/true")
while readLine() != nil {
    let start = bootTime()
    let child = try ChildProcess.start(
        program: program, arguments: ["true"], namespaces: [], descriptors: [], keepsCapabilities: false)
    print(bootTime() - start)
    fflush(nil)
    try child.wait()
}
withExtendedLifetime(ballast) {}
