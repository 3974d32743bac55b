internal import Kernel

/// The program's side of an output stream: the reading end of a pipe.
struct ProgramOutput {
    let pipe: SharedDescriptor
    private var capacity: Int
    private var grown = false
    /// No writer is left.
    var hungUp = false

    init(_ pipe: SharedDescriptor) throws(KernelError) {
        self.pipe = pipe
        capacity = try pipe.pipeCapacity()
    }

    /// Bytes in the pipe.
    func backlog() -> Int {
        // FIONREAD on a pipe cannot fail.
        (try? pipe.unreadBytes()) ?? 0
    }

    /// Whether the program waits for us, or soon will.
    func isPressing(_ backlog: Int) -> Bool { backlog >= capacity / 2 }

    /// A larger pipe for a busy program: fewer switches between it and the pump.
    mutating func grow(to bytes: Int) {
        if grown { return }
        grown = true
        // Refused beyond the system's or the user's limit: then it stays as it is.
        if bytes > capacity, let chosen = try? pipe.setPipeCapacity(bytes) { capacity = chosen }
    }
}
