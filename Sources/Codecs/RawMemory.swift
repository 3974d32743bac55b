/// Bytes on the heap that are not touched before they are used: a large one costs address space until data arrives.
@safe final class RawMemory: Sendable {
    // Safe: allocated once and freed by the last owner; who hands it to another thread leaves off using it.
    nonisolated(unsafe) let bytes: UnsafeMutableRawBufferPointer

    init(count: Int) {
        // Enough for every vector load and store.
        unsafe bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
    }

    deinit { unsafe bytes.deallocate() }
}
