/// The `Retry-After` header in both of its forms (RFC 9110 §10.2.3): seconds, or a date.
enum RetryAfter {
    /// How long to wait, in milliseconds; nil for a text that is neither.
    /// - Parameter now: seconds since the epoch
    static func milliseconds(_ text: String, now: Int64) -> UInt64? {
        let text = text.trimmingPrefix { $0 == " " }
        if let seconds = UInt32(text) { return UInt64(seconds) * 1000 }
        guard let date = seconds(ofDate: String(text)) else { return nil }
        return date > now ? UInt64(date - now) * 1000 : 0
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Seconds since the epoch of a date such as `Sun, 06 Nov 1994 08:49:37 GMT`, the form that servers must send.
    private static func seconds(ofDate text: String) -> Int64? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", let day = Int64(words[1]), (1...31).contains(day),
            let month = months.firstIndex(where: { $0 == words[2] }), let year = Int64(words[3]),
            (1970...9999).contains(year)
        else { return nil }
        let clock = words[4].split(separator: ":").compactMap { Int64($0) }
        guard clock.count == 3, clock[0] < 24, clock[1] < 60, clock[2] <= 60, clock.allSatisfy({ $0 >= 0 }) else {
            return nil
        }
        return days(year: year, month: Int64(month) + 1, day: day) * 86400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
    }

    /// Days since the epoch in the Gregorian calendar. The year begins in March here, so that the leap day is its last.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let month = (month + 9) % 12
        return 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468
    }
}
