internal import CKernel

/// What the processors of the machine offer.
public enum Processor {
    /// The processors that the calling thread may run on (sched_getaffinity(2)); at least 1.
    public static var count: Int { Int(apron_processor_count()) }

    /// The CRC-32C (RFC 3720, section 12.1) of `bytes`, by the processor's own instruction where it has one.
    /// - Parameter crc: that of the bytes before them; 0 at the start.
    public static func crc32c(_ bytes: UnsafeRawBufferPointer, after crc: UInt32 = 0) -> UInt32 {
        // Safe: the function reads `count` bytes from the start of a buffer of that many.
        unsafe apron_crc32c(crc, bytes.baseAddress, bytes.count)
    }
}
