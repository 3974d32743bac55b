import ArchiveProtocol
import Kernel

/// The name of an entry in an archive, as a path beneath the target: no `.`, no `..`, no leading slash.
struct EntryPath: Equatable {
    /// The components with a slash between each two; empty for the target itself.
    let bytes: [UInt8]
    /// Where the last component begins.
    private let lastStart: Int
    /// Whether the name began with a slash.
    let wasAbsolute: Bool

    /// Takes a name apart.
    /// - Throws: badArchive for a name with `..` in it
    init(_ name: [UInt8]) throws(ArchiveFault) {
        let slash = UInt8(ascii: "/")
        var bytes: [UInt8] = []
        bytes.reserveCapacity(name.count + 1)
        var (lastStart, start) = (0, 0)
        while start < name.count {
            var end = start
            while end < name.count && name[end] != slash { end += 1 }
            let component = name[start..<end]
            start = end + 1
            let isDot = component.count == 1 && component.first == UInt8(ascii: ".")
            if component.isEmpty || isDot { continue }
            if component.elementsEqual("..".utf8) {
                throw ArchiveFault(.badArchive, "its name leads out of the directory")
            }
            if !bytes.isEmpty { bytes.append(slash) }
            lastStart = bytes.count
            bytes.append(contentsOf: component)
        }
        self.bytes = bytes
        self.lastStart = lastStart
        wasAbsolute = name.first == slash
    }

    /// Whether the target itself is meant.
    var isRoot: Bool { bytes.isEmpty }

    /// The directory that the entry is in; empty when that is the target.
    var parent: ArraySlice<UInt8> { bytes[..<max(lastStart - 1, 0)] }

    /// The last component.
    /// - Throws: badArchive when there is none, or it cannot be a name
    func name() throws(ArchiveFault) -> FileName {
        guard let name = FileName(bytes[lastStart...]) else {
            throw ArchiveFault(.badArchive, "its name is no name of a file")
        }
        return name
    }

    var display: String { isRoot ? "." : String(decoding: bytes, as: UTF8.self) }
}
