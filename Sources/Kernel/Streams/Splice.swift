internal import CKernel
internal import Glibc

// None of these calls waits when its descriptors are non-blocking; splice never waits for a pipe. SIGPIPE must be blocked
// or ignored by the caller.
extension SharedDescriptor {
    /// Moves up to `count` bytes; one of the two is a pipe (splice(2)).
    ///
    /// A byte that was moved is out of the one and in the other, also when this process is killed in the middle.
    /// - Parameter offset: where to write when `target` is a file; its own offset is left alone.
    /// - Returns: the bytes moved, 0 at the end of input, nil when it would block.
    public func splice(to target: SharedDescriptor, at offset: Int64? = nil, count: Int) throws(KernelError) -> Int? {
        try invokeNonBlocking("splice", "from \(number) to \(target.number)") {
            apron_splice(number, target.number, offset ?? -1, count)
        }
    }

    /// Writes what fits of `bytes` from index `start` on (write(2)).
    /// - Returns: the bytes accepted, nil when it would block.
    public func writeSome(_ bytes: [UInt8], from start: Int = 0) throws(KernelError) -> Int? {
        // Safe: the range is inside the array, which lives for the whole call.
        try unsafe bytes.span.withUnsafeBytes { buffer throws(KernelError) -> Int? in
            let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[start...])
            return try invokeNonBlocking("write", "descriptor \(number)") {
                unsafe write(number, rest.baseAddress, rest.count)
            }
        }
    }

    /// Reads up to `bytes.count` bytes into `bytes` (read(2)).
    /// - Returns: the bytes read, 0 at the end, nil when it would block.
    public func readSome(into bytes: inout [UInt8]) throws(KernelError) -> Int? {
        // Safe: the kernel writes at most the array's length, and the array lives for the whole call.
        var span = bytes.mutableSpan
        return try unsafe span.withUnsafeMutableBytes { buffer throws(KernelError) -> Int? in
            try invokeNonBlocking("read", "descriptor \(number)") {
                unsafe read(number, buffer.baseAddress, buffer.count)
            }
        }
    }
}
