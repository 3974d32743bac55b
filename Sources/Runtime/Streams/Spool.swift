internal import Kernel

/// The part of a program's output that lies on disk, in one file that grows at its end and is punched at its beginning.
///
/// Positions count the program's bytes. In the file, byte 0 of the data is at ``dataOffset``; the header before it
/// keeps the unread mark for a later daemon. What is sent from the file is copied: the pages that sendfile(2) hands to a
/// socket would be zeroed under it when the file is punched.
struct Spool {
    /// A multiple of every page and block size: punching the data never touches a page with something else.
    private static let dataOffset: UInt64 = 64 * 1024
    /// Freeing less at once is not worth the call.
    private static let punchStep: UInt64 = 1024 * 1024
    /// "APRNSPL1".
    private static let magic: UInt64 = 0x4150_524E_5350_4C31

    private let location: SpoolLocation
    private let limit: UInt64
    private var file: SparseFile?
    /// The position of the file's first data byte; grows by what passes the file by.
    private var base: UInt64 = 0
    /// Bytes of data that are punched out, a multiple of ``dataOffset``.
    private var punched: UInt64 = 0
    /// The position behind the last byte taken from the program.
    private(set) var end: UInt64 = 0
    /// All bytes before this position were accepted by some socket.
    private(set) var mark: UInt64 = 0
    /// Bytes written to the file by this daemon.
    private(set) var written: UInt64 = 0
    private(set) var error: KernelError?

    /// Continues the file that a former daemon left, if there is one.
    init(_ location: SpoolLocation, limit: UInt64) throws(KernelError) {
        self.location = location
        self.limit = limit
        guard let found = try SparseFile.open(location.name, in: location.directory) else { return }
        let size = try found.size()
        end = size > Self.dataOffset && size < UInt64(Int64.max) ? size - Self.dataOffset : 0
        let header = try found.read(16, at: 0)
        if header.count == 16, Self.integer(header[0..<8]) == Self.magic, Self.integer(header[8..<16]) <= end {
            mark = Self.integer(header[8..<16])
        } else {
            // Not ours, or damaged: rather repeat than lose, so everything that is not a hole is unread.
            let data = try found.nextData(from: Int64(Self.dataOffset)).map { UInt64($0) - Self.dataOffset } ?? end
            mark = max(min(data, end), end - min(end, limit))
            try found.write(Self.bytes(Self.magic) + Self.bytes(mark), at: 0)
        }
        file = found
        punched = mark / Self.dataOffset * Self.dataOffset
    }

    /// Bytes that may be added while `needed` is the smallest position that somebody has not read yet.
    func room(needed: UInt64) -> Int {
        let held = end - needed
        return held < limit ? Int(clamping: limit - held) : 0
    }

    /// Moves up to `count` bytes from the pipe to the end of the file.
    ///
    /// A refusal of the disk takes nothing from the pipe; it is kept in ``error`` until a later call succeeds.
    mutating func append(from pipe: SharedDescriptor, count: Int) -> Int {
        do throws(KernelError) {
            let file = if let open = self.file { open } else { try create() }
            self.file = file
            let offset = Int64(Self.dataOffset + (end - base))
            let moved = try pipe.splice(to: file.descriptor, at: offset, count: count) ?? 0
            end += UInt64(moved)
            written += UInt64(moved)
            error = nil
            return moved
        } catch {
            // The call knows descriptors alone; other errors have the file's name.
            let subject = error.call == "splice" ? location.name : error.subject
            self.error = KernelError(call: error.call, errno: error.errno, subject: subject)
            return 0
        }
    }

    /// Sends up to `count` bytes from `position` on; nil when the socket is full.
    mutating func send(from position: UInt64, to socket: SharedDescriptor, count: Int) throws(KernelError) -> Int? {
        guard let file else { return nil }
        let offset = Int64(Self.dataOffset + (position - base))
        do throws(KernelError) {
            let sent = try file.send(to: socket, at: offset, count: count)
            // Only when somebody shortened the file: the bytes are not there any more.
            if sent == 0 { throw KernelError(call: "pread", errno: .noData, subject: location.name) }
            return sent
        } catch {
            if error.call == "pread" { self.error = error }
            throw error
        }
    }

    /// Notes bytes that went from the pipe to the only attacher, past the file, when that was read up to its end.
    mutating func pass(_ count: Int) {
        base += UInt64(count)
        end += UInt64(count)
        mark += UInt64(count)
    }

    /// Notes that a socket has accepted everything before `position`.
    ///
    /// Called after the sending: a daemon killed in between repeats that piece and loses none.
    mutating func accepted(upTo position: UInt64) {
        guard position > mark else { return }
        mark = position
        do { try file?.write(Self.bytes(mark - base), at: 8) } catch { self.error = error }
    }

    /// Gives the disk back what lies before `needed`.
    mutating func release(before needed: UInt64) {
        guard let file, needed > base else { return }
        let whole = (needed - base) / Self.dataOffset * Self.dataOffset
        let step = needed == end ? Self.dataOffset : Self.punchStep
        guard whole >= punched + step else { return }
        do {
            try file.punchHole(at: Int64(Self.dataOffset + punched), length: Int64(whole - punched))
            punched = whole
        } catch {
            self.error = error
        }
    }

    /// Deletes the file.
    mutating func remove() {
        // None is the normal case; one that was there before was opened when this began.
        if file == nil { return }
        try? SparseFile.remove(location.name, in: location.directory)
        file = nil
    }

    private func create() throws(KernelError) -> SparseFile {
        let file = try SparseFile.create(location.name, in: location.directory)
        do {
            try file.write(Self.bytes(Self.magic) + Self.bytes(mark - base), at: 0)
        } catch {
            try? SparseFile.remove(location.name, in: location.directory)
            throw error
        }
        return file
    }

    private static func bytes(_ integer: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: integer >> (8 * $0)) }
    }

    private static func integer(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
