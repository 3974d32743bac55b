internal import Kernel

/// The files with several names that a copy has met, so that their copies get several names as well.
struct HardLinks {
    private struct Identity: Hashable {
        let device: DeviceNumber
        let inode: UInt64
    }

    private struct Copy {
        /// From the top of the target.
        let names: [EntryName]
        /// Names of the file that were not met yet, as far as its link count says.
        var left: UInt32
    }

    private let target: Directory
    private var copies: [Identity: Copy] = [:]

    init(_ target: Directory) { self.target = target }

    /// Gives the copy of a file another name; false when the file was not met before.
    mutating func link(_ status: FileStatus, to directory: Directory, _ name: EntryName) throws(KernelError) -> Bool {
        let identity = Identity(device: status.device, inode: status.inode)
        guard status.links > 1, let copy = copies[identity], let last = copy.names.last else { return false }
        do throws(KernelError) {
            try target.descend(copy.names.dropLast()).link(last, to: directory, name)
        } catch  where error.errno == .tooManyNames { return false }
        // Files that were found under all their names are forgotten, to bound what is remembered.
        copies[identity] = copy.left > 1 ? Copy(names: copy.names, left: copy.left - 1) : nil
        return true
    }

    /// Notes where the copy of a file is.
    mutating func remember(_ status: FileStatus, at names: [EntryName]) {
        guard status.links > 1 else { return }
        copies[Identity(device: status.device, inode: status.inode)] = Copy(names: names, left: status.links - 1)
    }
}
