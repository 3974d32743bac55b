public import Kernel

/// Room on a file system that volumes leave free: so that containers end in order, logs are written, and destroying,
/// which needs a little room as well, always works.
public struct SpaceReserve: Sendable {
    /// How much stays free.
    public enum Size: Sendable, Hashable {
        /// Bytes.
        case bytes(UInt64)
        /// Hundredths of the file system.
        case percent(Double)
    }

    private let directory: Directory
    private let size: Size?

    // Without a choice: the smaller of the two, so that neither a small nor a large disk loses much.
    private static let usualPercent = 5.0
    private static let usualBytesMax: UInt64 = 2 << 30
    // Inodes are cheap, and what needs some needs few.
    private static let inodesPercent = 1.0
    private static let inodesMax: UInt64 = 10_000

    /// A reserve on the file system of a directory.
    /// - Parameter size: nil for the smaller of 5 % and 2 GiB
    public init(directory: Directory, size: Size? = nil) {
        self.directory = directory
        self.size = size
    }

    /// Bytes that stay free of a file system that has so many in all.
    public func bytes(of total: UInt64) -> UInt64 {
        switch size {
        case .bytes(let bytes): bytes
        case .percent(let percent): SpaceReserve.share(percent, of: total)
        case nil: min(SpaceReserve.share(SpaceReserve.usualPercent, of: total), SpaceReserve.usualBytesMax)
        }
    }

    /// Refuses what would begin to fill the disk when the reserve is touched already.
    /// - Parameter what: what needs the room, such as `volume h1`
    /// - Throws: ENOSPC with the numbers
    public func check(for what: String) throws(KernelError) { try check(try directory.space(), what) }

    func check(_ space: FileSystemSpace, _ what: String) throws(KernelError) {
        let reserve = bytes(of: space.bytes)
        if space.bytesAvailable < reserve {
            throw KernelError(
                call: "space", errno: .noSpace,
                subject:
                    "\(what): \(ByteCount(space.bytesAvailable)) of \(ByteCount(space.bytes)) are free on the disk "
                    + "of \(directory.path), and \(ByteCount(reserve)) are kept in reserve")
        }
        // 0 in all: inodes are made as needed.
        let inodes = min(SpaceReserve.share(SpaceReserve.inodesPercent, of: space.inodes), SpaceReserve.inodesMax)
        if space.inodes > 0 && space.inodesAvailable < inodes {
            throw KernelError(
                call: "space", errno: .noSpace,
                subject: "\(what): \(space.inodesAvailable) more files fit on the disk of \(directory.path), which has "
                    + "room for \(space.inodes), and \(inodes) are kept in reserve")
        }
    }

    private static func share(_ percent: Double, of total: UInt64) -> UInt64 {
        UInt64(Double(total) * percent / 100)
    }
}

/// A number of bytes for people: `1.5 GiB`.
public struct ByteCount: Sendable, Hashable, CustomStringConvertible {
    /// Bytes.
    public let bytes: UInt64

    /// Wraps a number of bytes.
    public init(_ bytes: UInt64) { self.bytes = bytes }

    private static let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]

    /// With one digit after the point, in the largest unit of which there is at least one.
    public var description: String {
        if bytes < 1024 { return "\(bytes) B" }
        var (unit, scale) = (0, UInt64(1024))
        while unit + 1 < ByteCount.units.count && bytes / scale >= 1024 { (unit, scale) = (unit + 1, scale * 1024) }
        let tenths = bytes % scale * 10 / scale
        return "\(bytes / scale).\(tenths) \(ByteCount.units[unit])"
    }
}
