import ArchiveProtocol
import Kernel

extension ErrorNumber {
    /// ENXIO.
    static let noSuchDevice = ErrorNumber(rawValue: 6)
}

extension Packing {
    func header(_ status: FileStatus, _ name: [UInt8]) -> TarHeader {
        let kind: TarHeader.Kind
        switch status.kind {
        case .directory: kind = .directory
        case .symbolicLink: kind = .symbolicLink
        case .fifo: kind = .fifo
        case .characterDevice: kind = .characterDevice
        case .blockDevice: kind = .blockDevice
        case .regular, .socket, .unknown: kind = .regular
        }
        var header = TarHeader(kind: kind, name: name)
        header.mode = status.mode
        header.uid = status.uid
        header.gid = status.gid
        header.modified = status.modified
        header.device = status.node
        return header
    }

    /// Puts an entry without contents.
    func put(_ header: TarHeader) throws {
        try output.put(header.bytes())
        reporter.count(entries: 1, archiveBytes: output.bytesWritten)
    }

    /// Puts a regular file: its data, and where its holes are when it has any.
    func put(file: borrowing Descriptor, _ status: FileStatus, _ header: TarHeader) throws {
        var header = header
        header.records = try attributes(file, header.name)
        let parts = try parts(of: file, status)
        let end = Int64(clamping: status.size)
        var dataBytes = status.size
        var map: [UInt8] = []
        if parts != [0..<end] {
            // GNU's sparse format 1.0: the map stands before the data, in decimal lines.
            var lines = "\(parts.count)\n"
            for part in parts { lines += "\(part.lowerBound)\n\(part.count)\n" }
            map = Array(lines.utf8)
            map.append(contentsOf: repeatElement(0, count: TarHeader.padding(UInt64(map.count))))
            dataBytes = parts.reduce(0) { $0 + UInt64($1.count) }
            header.records += [
                ("GNU.sparse.major", [UInt8(ascii: "1")]), ("GNU.sparse.minor", [UInt8(ascii: "0")]),
                ("GNU.sparse.name", header.name), ("GNU.sparse.realsize", Array("\(status.size)".utf8)),
            ]
            header.name =
                Array("./GNUSparseFile.0/".utf8) + (header.name.split(separator: UInt8(ascii: "/")).last ?? [])
        }
        header.size = UInt64(map.count) + dataBytes
        let display = header.name
        try put(header)
        try output.put(map)
        for part in parts {
            let count = try output.put(part, of: file)
            reporter.count(contentBytes: count, archiveBytes: output.bytesWritten)
            if count < UInt64(part.count) {
                // The header promised more.
                reporter.warn(
                    "\(String(decoding: display, as: UTF8.self)): shrank while it was read, filled with zeros")
                try output.putZeros(UInt64(part.count) - count)
            }
        }
        try output.putZeros(UInt64(TarHeader.padding(dataBytes)))
    }

    /// Where the data of a file is. The last part ends at the end of the file, empty when that is in a hole.
    private func parts(of file: borrowing Descriptor, _ status: FileStatus) throws -> [Range<Int64>] {
        let end = Int64(clamping: status.size)
        // Smaller holes than this are cheaper to read than to ask for.
        if end < 64 << 10 { return [0..<end] }
        var parts: [Range<Int64>] = []
        var offset: Int64 = 0
        while offset < end, let data = try file.data(from: offset), data.lowerBound < end {
            if parts.count == Packing.partsMax {
                parts.append(data.lowerBound..<end)
                return parts
            }
            parts.append(data.lowerBound..<min(data.upperBound, end))
            offset = max(data.upperBound, offset + 1)
        }
        if parts.last?.upperBound != end { parts.append(end..<end) }
        return parts
    }

    func attributes(
        _ file: borrowing Descriptor, _ name: [UInt8]
    ) throws(KernelError) -> [(key: String, value: [UInt8])] {
        let display = String(decoding: name, as: UTF8.self)
        var records: [(key: String, value: [UInt8])] = []
        for attribute in try file.fileAttributeNames(display) where AttributeRules.keeps(attribute) {
            // A key ends at its "=", so such a name cannot be written; keys are UTF-8.
            guard let text = String(validating: attribute, as: UTF8.self), !text.contains("=") else {
                reporter.warn("\(display): an attribute with an odd name was left out")
                continue
            }
            if let value = try file.fileAttribute(attribute, display) {
                records.append(("SCHILY.xattr.\(text)", value))
            }
        }
        return records
    }
}
