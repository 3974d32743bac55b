import Kernel

/// The process's end of the encoded stream, which counts what goes through and for how long that takes.
@safe final class StreamEnd: Sendable {
    private let descriptor: Descriptor
    private let reporter: Reporter

    init(_ number: Int32, _ reporter: Reporter) {
        descriptor = Descriptor(owning: number)
        self.reporter = reporter
    }

    /// Reads once; 0 at the end.
    func receive(into target: UnsafeMutableRawBufferPointer) throws(KernelError) -> Int {
        let start = bootTime()
        let count = unsafe try descriptor.readSome(into: target)
        reporter.streamed(count, since: start)
        return count
    }

    /// Writes all.
    func send(_ bytes: UnsafeRawBufferPointer) throws(KernelError) {
        let start = bootTime()
        unsafe try descriptor.writeAll(bytes)
        reporter.streamed(bytes.count, since: start)
    }
}
