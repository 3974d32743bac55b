import Kernel

/// Names under which files with several names are in the archive already.
struct HardLinkNames {
    private struct Inode: Hashable {
        let device: DeviceNumber
        let number: UInt64
    }

    private struct First {
        let name: [UInt8]
        /// Names of the file that were not met yet.
        var missing: UInt32
    }

    /// Beyond so many bytes of names, files are packed again instead of linked.
    private static let bytesMax = 64 << 20

    private var names: [Inode: First] = [:]
    private var bytes = 0
    private(set) var isFull = false

    /// The name under which the file was packed; nil when it was not, and `name` is noted as that.
    mutating func first(of status: FileStatus, _ name: [UInt8]) -> [UInt8]? {
        if status.links < 2 || status.kind == .directory { return nil }
        let inode = Inode(device: status.device, number: status.inode)
        guard var first = names[inode] else {
            if bytes + name.count > HardLinkNames.bytesMax {
                isFull = true
            } else {
                names[inode] = First(name: name, missing: status.links - 1)
                bytes += name.count
            }
            return nil
        }
        first.missing -= 1
        if first.missing == 0 {
            names[inode] = nil
            bytes -= first.name.count
        } else {
            names[inode] = first
        }
        return first.name
    }
}
