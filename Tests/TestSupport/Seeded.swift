/// Random numbers that are the same in every run (SplitMix64).
public struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    /// Numbers that follow from this one.
    public init(_ seed: UInt64) { state = seed }

    /// The next number.
    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }

    /// Bytes that were changed, cut and doubled in one to four places.
    public mutating func damage(_ bytes: [UInt8]) -> [UInt8] {
        var damaged = bytes
        for _ in 0..<Int.random(in: 1...4, using: &self) where !damaged.isEmpty {
            let place = Int.random(in: 0..<damaged.count, using: &self)
            switch Int.random(in: 0..<6, using: &self) {
            case 0: damaged.insert(UInt8.random(in: 0...255, using: &self), at: place)
            case 1 where damaged.count > 1: damaged.remove(at: place)
            case 2 where place > 0: damaged.removeSubrange(place...)
            case 3: damaged += damaged[place...]
            case 4: damaged[place] = [0, 1, 0x7f, 0x80, 0xff].randomElement(using: &self) ?? 0
            default: damaged[place] = UInt8.random(in: 0...255, using: &self)
            }
        }
        return damaged
    }
}
