import CArchive
import Kernel

/// What an archive says about one entry. Good until the next one is read.
@safe struct TarEntry {
    // Safe: the archive's own, and good until the next header is read; no value of this type is kept that long.
    private let entry: OpaquePointer

    init(_ entry: OpaquePointer) { unsafe self.entry = entry }

    enum Kind { case regular, directory, symbolicLink, hardLink, fifo, characterDevice, blockDevice, socket, unknown }

    var kind: Kind {
        if unsafe archive_entry_hardlink(entry) != nil { return .hardLink }
        switch unsafe UInt32(archive_entry_filetype(entry)) {
        case 0o100000: return .regular
        case 0o040000: return .directory
        case 0o120000: return .symbolicLink
        case 0o010000: return .fifo
        case 0o020000: return .characterDevice
        case 0o060000: return .blockDevice
        case 0o140000: return .socket
        default: return .unknown
        }
    }

    var name: [UInt8] { unsafe TarEntry.bytes(archive_entry_pathname(entry)) }
    /// What a hard or symbolic link leads to.
    var linkName: [UInt8] {
        let text = unsafe archive_entry_hardlink(entry) ?? archive_entry_symlink(entry)
        return unsafe TarEntry.bytes(text)
    }
    /// The permission bits, 12 of them.
    var mode: UInt32 { unsafe UInt32(archive_entry_mode(entry)) & 0o7777 }
    var uid: Int64 { unsafe archive_entry_uid(entry) }
    var gid: Int64 { unsafe archive_entry_gid(entry) }
    /// Bytes, with holes.
    var size: Int64 { unsafe archive_entry_size(entry) }
    var modified: FileTime {
        unsafe FileTime(
            seconds: Int64(archive_entry_mtime(entry)), nanoseconds: Int64(archive_entry_mtime_nsec(entry)))
    }
    var device: DeviceNumber {
        unsafe DeviceNumber(
            major: UInt32(truncatingIfNeeded: archive_entry_rdevmajor(entry)),
            minor: UInt32(truncatingIfNeeded: archive_entry_rdevminor(entry)))
    }

    /// The extended attributes.
    func attributes() -> [(name: [UInt8], value: [UInt8])] {
        let count = unsafe archive_entry_xattr_reset(entry)
        if count == 0 { return [] }
        return (0..<count).compactMap { _ in
            var (name, value, bytes) = unsafe (UnsafePointer<CChar>?.none, UnsafeRawPointer?.none, 0)
            // Safe: the call fills the three with what the entry owns.
            guard unsafe archive_entry_xattr_next(entry, &name, &value, &bytes) == ARCHIVE_OK else { return nil }
            return unsafe (TarEntry.bytes(name), Array(UnsafeRawBufferPointer(start: value, count: bytes)))
        }
    }

    private static func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8] {
        guard let text = unsafe text else { return [] }
        // Safe: a text of the entry's, which ends with NUL.
        return unsafe text.withMemoryRebound(to: UInt8.self, capacity: 1) {
            var count = 0
            while unsafe $0[count] != 0 { count += 1 }
            return unsafe Array(UnsafeBufferPointer(start: $0, count: count))
        }
    }
}
