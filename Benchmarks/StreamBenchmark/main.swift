// A program's output to a TCP reader on loopback: through an OutputStream, and through a plain read/write loop between
// pipe and socket, which is the floor. Alternately, so that a busy machine disturbs both alike. Prints MiB/s and the
// ratio of the medians. Usage: StreamBenchmark [MiB per round] [rounds] [floor buffer in KiB] [pipe KiB]

import Glibc
import Kernel
import Runtime

let mebibytes = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1]) ?? 1024 : 1024
let rounds = CommandLine.arguments.count > 2 ? Int(CommandLine.arguments[2]) ?? 7 : 7
let floorBuffer = (CommandLine.arguments.count > 3 ? Int(CommandLine.arguments[3]) ?? 64 : 64) * 1024
let total = mebibytes << 20
var limits = OutputLimits.standard
if CommandLine.arguments.count > 4 { limits.pipeBytes = (Int(CommandLine.arguments[4]) ?? 1024) * 1024 }

/// A program that writes as fast as it can, as another process: `head -c` writes in pieces of up to 64 KiB or so.
func startProgram() throws -> (pid_t, SharedDescriptor) {
    let pipe = try Pipe()
    let output = try pipe.reader.duplicate()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, pipe.writer.number, 1)
    let arguments: [UnsafeMutablePointer<CChar>?] = [
        strdup("dd"), strdup("if=/dev/zero"), strdup("bs=64k"), strdup("count=\(total >> 16)"), strdup("status=none"),
        nil,
    ]
    defer { arguments.forEach { free($0) } }
    var pid: pid_t = 0
    precondition(posix_spawnp(&pid, "dd", &actions, nil, arguments, environ) == 0)
    return (pid, SharedDescriptor(output))
}

/// A program that reads a TCP connection to its end and throws the bytes away, as another process.
func startReader(port: UInt16) -> pid_t {
    var pid: pid_t = 0
    let script = """
        import socket,sys
        s=socket.create_connection(("127.0.0.1",\(port)));b=bytearray(1<<18);n=0
        while True:
            k=s.recv_into(b)
            if k==0: break
            n+=k
        sys.exit(0 if n==\(total) else 1)
        """
    let arguments: [UnsafeMutablePointer<CChar>?] = [strdup("python3"), strdup("-c"), strdup(script), nil]
    defer { arguments.forEach { free($0) } }
    precondition(posix_spawnp(&pid, "python3", nil, nil, arguments, environ) == 0)
    return pid
}

func listen() -> (Int32, UInt16) {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            precondition(bind(listener, $0, length) == 0 && Glibc.listen(listener, 1) == 0)
            precondition(getsockname(listener, $0, &length) == 0)
        }
    }
    return (listener, UInt16(bigEndian: address.sin_port))
}

func wait(for pid: pid_t) {
    var status: Int32 = 0
    precondition(waitpid(pid, &status, 0) == pid && status == 0, "a helper process failed")
}

/// CPU seconds of this process and of the helpers that have ended.
func cpuSeconds() -> Double {
    var (own, helpers) = (rusage(), rusage())
    getrusage(RUSAGE_SELF.rawValue, &own)
    getrusage(RUSAGE_CHILDREN.rawValue, &helpers)
    return [own, helpers].reduce(0) { $0 + seconds($1.ru_utime) + seconds($1.ru_stime) }
}

func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

struct Round {
    /// MiB/s.
    let rate: Double
    /// CPU seconds of program, mover and reader; the reader's start included.
    let cpu: Double
}

/// One round: MiB/s from the program's start until the reader has everything.
func round(_ move: (SharedDescriptor, consuming Descriptor) async throws -> Void) async throws -> Round {
    let (listener, port) = listen()
    let reader = startReader(port: port)
    let connection = Descriptor(owning: accept(listener, nil, nil))
    precondition(fcntl(connection.number, F_SETFD, FD_CLOEXEC) == 0)
    close(listener)
    let (start, cpu) = (bootTime(), cpuSeconds())
    let (program, output) = try startProgram()
    try await move(output, connection)
    wait(for: program)
    wait(for: reader)
    let rate = Double(total >> 20) / (Double(bootTime() - start) / 1e9)
    return Round(rate: rate, cpu: cpuSeconds() - cpu)
}

func readAndWrite(_ pipe: SharedDescriptor, _ socket: consuming Descriptor) {
    let buffer = UnsafeMutableRawPointer.allocate(byteCount: floorBuffer, alignment: 4096)
    defer { buffer.deallocate() }
    while true {
        let count = read(pipe.number, buffer, floorBuffer)
        precondition(count >= 0)
        if count == 0 { return }
        var sent = 0
        while sent < count {
            let piece = write(socket.number, buffer + sent, count - sent)
            precondition(piece > 0)
            sent += piece
        }
    }
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

let directory = SharedDescriptor(Descriptor(owning: open("/var/tmp", O_DIRECTORY | O_CLOEXEC)))
let pump = try Pump()
var floor: [Round] = []
var streams: [Round] = []
var spooled: UInt64 = 0
for number in 0...rounds {
    let plain = try await round { pipe, socket in readAndWrite(pipe, socket) }
    let streamed = try await round { pipe, socket in
        let stream = try OutputStream(
            pipe: pipe,
            spool: SpoolLocation(directory: directory, name: "apron-stream-benchmark.\(getpid())"),
            limits: limits, pump: pump)
        let end = await stream.attach(socket)
        precondition(end == .delivered(UInt64(total)), "\(end)")
        spooled += stream.statistics.spooled
        stream.close()
    }
    // The first round warms caches up.
    if number == 0 { continue }
    floor.append(plain)
    streams.append(streamed)
    print("round \(number): floor \(plain.text), stream \(streamed.text)")
}
await pump.stop()
let rates = (median(floor.map(\.rate)), median(streams.map(\.rate)))
let processor = (median(floor.map(\.cpu)), median(streams.map(\.cpu)))
let paired = median(zip(streams, floor).map { $0.rate / $1.rate })
print("median: floor \(Int(rates.0)) MiB/s, stream \(Int(rates.1)) MiB/s")
print("ratio of medians \(percent(rates.1 / rates.0)), median of ratios \(percent(paired))")
print("CPU of the stream's way over the floor's \(percent(processor.1 / processor.0))")
print("\(spooled >> 20) MiB went over the disk")

func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }

extension Round {
    var text: String { "\(Int(rate)) MiB/s with \(Int(cpu * 1000)) ms of CPU" }
}
