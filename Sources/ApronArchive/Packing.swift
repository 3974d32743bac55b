import ArchiveProtocol
import Codecs
import Kernel

/// Packs a directory, or one file, into an archive.
///
/// What changes while it is read does not end it: the archive stays whole, and a warning tells.
struct Packing {
    /// Each level of the tree holds a descriptor. A path that a program can use in one call has fewer levels.
    private static let levelsMax = 4_096
    /// A file in more parts is read with its later holes.
    static let partsMax = 65_536

    final class Level {
        let directory: EntryDirectory
        /// Its name in the archive with a slash at the end.
        let path: [UInt8]
        var reader: EntryReader
        /// Entries still to be packed, the next one last.
        var entries: [EntryReader.Entry] = []

        init(_ directory: EntryDirectory, _ path: [UInt8]) {
            self.directory = directory
            self.path = path
            reader = EntryReader(directory)
        }
    }

    let reporter: Reporter
    let output: ArchiveOutput
    private let start: StartPath.Object
    private let startName: String
    private var levels: [Level] = []
    private var links = HardLinkNames()

    init(_ request: ArchiveRequest, _ reporter: Reporter) throws {
        self.reporter = reporter
        let path = StartPath(request.path)
        start = try path.open()
        startName = path.name ?? "."
        output = try ArchiveOutput(request.format ?? .raw, level: request.level, reporter)
        reporter.ready()
    }

    mutating func run() throws {
        let (output, reporter) = (output, reporter)
        let begin = bootTime()
        defer {
            let elapsed = bootTime() - begin
            reporter.spent(coding: output.codingNanoseconds, entries: elapsed - output.codingNanoseconds)
        }
        do {
            switch start {
            case .directory(let directory): try pack(tree: directory)
            case .entry(let object, let status):
                let name = Array(startName.utf8)
                try object.with { descriptor in
                    let header = header(status, name)
                    if status.kind == .regular {
                        try put(file: descriptor, status, header)
                    } else if status.kind != .socket {
                        try put(header)
                    }
                }
            }
            // The end marker: two blocks of zeros, and more up to the usual record, which some readers ask for.
            let record: UInt64 = 20 * 512
            try output.putZeros(1024)
            try output.putZeros((record - output.bytesWritten % record) % record)
            try output.finish()
        } catch is ArchiveOutput.ReaderGone {
            // Many want the first entry only.
        }
        reporter.count(archiveBytes: output.bytesWritten)
    }

    private mutating func pack(tree directory: EntryDirectory) throws {
        try enter(directory, Array("./".utf8))
        while let level = levels.last {
            if level.entries.isEmpty { level.entries = try level.reader.next() }
            guard let entry = level.entries.popLast() else {
                levels.removeLast()
                continue
            }
            let name = level.path + entry.name.bytes
            do {
                try packOrThrow(entry, name, level.directory)
            } catch {
                let display = String(decoding: name, as: UTF8.self)
                guard let error = error as? KernelError else {
                    throw error is ArchiveOutput.ReaderGone ? error : ArchiveFault(error).at(display)
                }
                // ELOOP, ENXIO: it was replaced by a link or a socket since it was listed.
                guard [.noEntry, .tooManyLinks, ErrorNumber.noSuchDevice].contains(error.errno) else {
                    throw ArchiveFault(error, entry: display)
                }
                reporter.warn("\(display): removed before it was read")
            }
        }
        if links.isFull { reporter.warn("too many hard links: later ones were packed as files of their own") }
    }

    private mutating func packOrThrow(
        _ entry: EntryReader.Entry, _ name: [UInt8], _ directory: EntryDirectory
    ) throws {
        switch entry.kind {
        case .directory:
            try enter(try directory.open(entry.name), name + [UInt8(ascii: "/")])
        case .regular:
            try pack(file: try directory.openFile(entry.name), name)
        default:
            let status = try directory.status(entry.name)
            switch status.kind {
            case .directory: try enter(try directory.open(entry.name), name + [UInt8(ascii: "/")])
            case .regular: try pack(file: try directory.openFile(entry.name), name)
            case .socket, .unknown: reporter.warn("\(String(decoding: name, as: UTF8.self)): a socket was left out")
            case .symbolicLink, .fifo, .blockDevice, .characterDevice:
                var header = header(status, name)
                if let first = links.first(of: status, name) {
                    header.kind = .hardLink
                    header.linkName = first
                } else if status.kind == .symbolicLink {
                    header.linkName = try directory.readLink(entry.name)
                } else if status.kind == .characterDevice, status.node == DeviceNumber(major: 0, minor: 0) {
                    // An overlay's whiteout, which is no content; it shows only where a layer is read by itself.
                    return
                }
                try put(header)
            }
        }
    }

    private mutating func enter(_ directory: EntryDirectory, _ path: [UInt8]) throws {
        if levels.count == Packing.levelsMax {
            throw ArchiveFault(.failed, "directories are nested more than \(Packing.levelsMax) deep")
        }
        var header = header(try directory.withDescriptor { try $0.status() }, path)
        header.records = try directory.withDescriptor { try attributes($0, path) }
        try put(header)
        levels.append(Level(directory, path))
    }

    private mutating func pack(file: consuming Descriptor, _ name: [UInt8]) throws {
        let status = try file.status()
        guard status.kind == .regular else {
            return reporter.warn("\(String(decoding: name, as: UTF8.self)): removed before it was read")
        }
        var header = header(status, name)
        if let first = links.first(of: status, name) {
            header.kind = .hardLink
            header.linkName = first
            return try put(header)
        }
        try put(file: file, status, header)
    }
}
