/// A moment of UTC as people and logs write it.
public struct CalendarTime: CustomStringConvertible, Sendable {
    private let nanoseconds: UInt64

    /// Nanoseconds since the epoch, leap seconds not counted.
    public init(unixTime nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// `2026-11-22T16:50:01.123456789Z` (RFC 3339).
    public var description: String {
        let (year, month, day) = Self.date(daysSinceEpoch: Int(nanoseconds / 1_000_000_000 / 86_400))
        let date = "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))"
        return "\(date)T\(time).\(Self.padded(Int(nanoseconds % 1_000_000_000), 9))Z"
    }

    /// The time of day to the millisecond: `16:50:01.123`.
    public var clock: String { "\(time).\(Self.padded(Int(nanoseconds / 1_000_000 % 1000), 3))" }

    private var time: String {
        let ofDay = Int(nanoseconds / 1_000_000_000 % 86_400)
        return [ofDay / 3600, ofDay / 60 % 60, ofDay % 60].map { Self.padded($0, 2) }.joined(separator: ":")
    }

    /// The Gregorian date, by counting in eras of 400 years (146,097 days) that begin on the first of March, so that
    /// the day that leap years add is the last one of its year.
    private static func date(daysSinceEpoch: Int) -> (year: Int, month: Int, day: Int) {
        // From 0000-03-01 to 1970-01-01.
        let days = daysSinceEpoch + 719_468
        let era = days / 146_097
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day)
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = "\(number)"
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
