/// An instant of the Gregorian calendar in UTC.
struct Timestamp {
    let year: Int
    let month: Int
    let day: Int
    let hour: Int
    let minute: Int
    let second: Int
    let nanosecond: Int

    /// The instant `nanoseconds` after 1970-01-01T00:00:00Z, leap seconds not counted.
    init(nanoseconds: UInt64) {
        let seconds = Int(nanoseconds / 1_000_000_000)
        nanosecond = Int(nanoseconds % 1_000_000_000)
        hour = seconds / 3600 % 24
        minute = seconds / 60 % 60
        second = seconds % 60
        // Counted from 1 March of year 0, so that a leap day is the last day of its year and of its cycle of 400 years.
        let days = seconds / 86400 + 719_468
        let cycle = days / 146_097
        let dayOfCycle = days % 146_097
        let yearOfCycle = (dayOfCycle - dayOfCycle / 1460 + dayOfCycle / 36524 - dayOfCycle / 146_096) / 365
        let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0)
    }

    /// Appends RFC 3339 with nanoseconds: `2026-11-22T16:21:00.000000001Z`.
    func append(to out: inout [UInt8]) {
        Self.append(year, width: 4, to: &out)
        for (separator, value) in [("-", month), ("-", day), ("T", hour), (":", minute), (":", second)] {
            out += separator.utf8
            Self.append(value, width: 2, to: &out)
        }
        out.append(UInt8(ascii: "."))
        Self.append(nanosecond, width: 9, to: &out)
        out.append(UInt8(ascii: "Z"))
    }

    /// The time of day to the millisecond: `16:21:00.123`.
    var clock: String {
        var out: [UInt8] = []
        Self.append(hour, width: 2, to: &out)
        out.append(UInt8(ascii: ":"))
        Self.append(minute, width: 2, to: &out)
        out.append(UInt8(ascii: ":"))
        Self.append(second, width: 2, to: &out)
        out.append(UInt8(ascii: "."))
        Self.append(nanosecond / 1_000_000, width: 3, to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    private static func append(_ value: Int, width: Int, to out: inout [UInt8]) {
        var divisor = 1
        for _ in 1..<width { divisor *= 10 }
        var rest = value
        while divisor > 0 {
            out.append(UInt8(ascii: "0") + UInt8(rest / divisor % 10))
            rest %= divisor
            divisor /= 10
        }
    }
}
