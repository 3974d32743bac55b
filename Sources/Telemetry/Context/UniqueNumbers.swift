internal import Synchronization

/// Numbers for ids: none comes twice within 2^64, and they pass for random ones.
///
/// A counter in odd steps, random in its start, through a bijective mixing function (SplitMix64). A system call for each
/// id would cost more than the rest of a span.
struct UniqueNumbers: ~Copyable {
    private let count: Atomic<UInt64>

    init() {
        var generator = SystemRandomNumberGenerator()
        count = Atomic(generator.next())
    }

    func next() -> UInt64 {
        var mixed = count.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
