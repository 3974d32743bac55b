import CKernel
import InitProtocol

/// A plan or program as the daemon laid it out in a sealed memory file, mapped read-only for as long as it is used.
///
/// The daemon is trusted, but every offset is checked all the same: a bug there must not become a wild read here.
struct Document: ~Copyable {
    private let base: UnsafeRawPointer
    let size: Int

    /// Maps the file and checks that it is whole: it starts with `magic` and ends with a NUL.
    init(mapping descriptor: Int32, magic: UInt32, headerBytes: Int) throws(Failure) {
        var size = 0
        guard let base = apron_map_private(descriptor, &size) else {
            throw Failure(APRON_CALL_MMAP, errno: apron_errno())
        }
        guard size > headerBytes, size < Int(UInt32.max),
            base.loadUnaligned(as: UInt32.self) == magic,
            base.loadUnaligned(fromByteOffset: size - 1, as: UInt8.self) == 0
        else {
            apron_unmap(base, size)
            throw Failure(APRON_CALL_PLAN, errno: Errno.invalid)
        }
        self.init(base: base, size: size)
    }

    private init(base: UnsafeRawPointer, size: Int) {
        self.base = base
        self.size = size
    }

    deinit { apron_unmap(base, size) }

    /// The value at `offset`.
    func load<Value: BitwiseCopyable>(_ type: Value.Type, at offset: Int) throws(Failure) -> Value {
        guard offset >= 0, offset <= size - MemoryLayout<Value>.size else {
            throw Failure(APRON_CALL_PLAN, errno: Errno.invalid)
        }
        return base.loadUnaligned(fromByteOffset: offset, as: type)
    }

    /// Entry `index` of the array of values that starts at `offset`.
    func element<Value: BitwiseCopyable>(
        _ type: Value.Type, of offset: UInt32, _ index: Int
    ) throws(Failure) -> Value {
        try load(type, at: Int(offset) + index * MemoryLayout<Value>.stride)
    }

    /// The NUL-terminated text at `offset`; the final NUL of the document bounds it.
    func text(_ offset: UInt32) throws(Failure) -> UnsafePointer<CChar> {
        guard offset != APRON_NO_TEXT, Int(offset) < size else {
            throw Failure(APRON_CALL_PLAN, errno: Errno.invalid)
        }
        return (base + Int(offset)).assumingMemoryBound(to: CChar.self)
    }

    /// `count` bytes at `offset`.
    func bytes(_ offset: UInt32, _ count: Int) throws(Failure) -> UnsafeRawPointer {
        guard count >= 0, Int(offset) <= size - count else {
            throw Failure(APRON_CALL_PLAN, errno: Errno.invalid)
        }
        return base + Int(offset)
    }

    /// The array of texts whose offsets start at `offset`, NULL-terminated as execve(2) wants it. Never freed: its
    /// owner is a child that execs or exits.
    func texts(_ offset: UInt32, _ count: UInt32) throws(Failure) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    {
        let array = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: Int(count) + 1)
        for index in 0..<Int(count) {
            array[index] = UnsafeMutablePointer(mutating: try text(element(UInt32.self, of: offset, index)))
        }
        array[Int(count)] = nil
        return array
    }
}
