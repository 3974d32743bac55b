internal import Kernel

/// The chunks that a framed stream consists of: Snappy's framing format, which S2 widens.
///
/// A chunk is one byte of kind, three bytes of length, least first, and so many bytes. A stream has no end but the end of
/// its bytes, so one that is cut between two chunks cannot be told from a whole one.
enum S2Chunk {
    static let headerBytes = 4
    static let checksumBytes = 4
    /// S2's limit on the data of a chunk; Snappy's is `snappyDataBytesMax`.
    static let dataBytesMax = 4 << 20
    static let snappyDataBytesMax = 64 << 10
    /// The most that the data of one chunk comes to when an encoder does it badly: a literal of one byte costs two, but
    /// none is known to come over Snappy's bound.
    static let bodyBytesMax = checksumBytes + 32 + dataBytesMax + dataBytesMax / 6

    static let compressed: UInt8 = 0x00
    static let uncompressed: UInt8 = 0x01
    /// Kinds from here on are passed over when they are unknown.
    static let skippable: UInt8 = 0x80
    static let identifier: UInt8 = 0xff

    /// The first chunk of a stream, and of each that follows when streams are put behind one another.
    static let s2Identifier = [identifier, 6, 0, 0] + Array("S2sTwO".utf8)
    static let snappyIdentifier = [identifier, 6, 0, 0] + Array("sNaPpY".utf8)
    static let identifiers = [s2Identifier, snappyIdentifier]

    /// The checksum as chunks hold it: turned and offset, so that it is not one of data that holds one.
    static func checksum(of bytes: UnsafeRawBufferPointer) -> UInt32 {
        let crc = unsafe Processor.crc32c(bytes)
        return (crc >> 15 | crc << 17) &+ 0xa282_ead8
    }
}
