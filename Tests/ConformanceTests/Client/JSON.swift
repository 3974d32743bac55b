import Foundation

/// A JSON value for looking at.
struct JSON: CustomStringConvertible {
    let value: Any?

    init(_ value: Any?) { self.value = value is NSNull ? nil : value }

    init(parsing bytes: [UInt8]) throws {
        self.init(try JSONSerialization.jsonObject(with: Data(bytes), options: [.fragmentsAllowed]))
    }

    subscript(key: String) -> JSON { JSON((value as? [String: Any])?[key]) }

    var string: String? { value as? String }
    var integer: Int? { (value as? NSNumber)?.intValue }
    var list: [JSON] { (value as? [Any])?.map { JSON($0) } ?? [] }
    var strings: [String] { list.compactMap(\.string) }
    var keys: Set<String> { Set((value as? [String: Any])?.keys.map { $0 } ?? []) }
    var isNull: Bool { value == nil }
    var description: String { value.map { "\($0)" } ?? "null" }

    /// One line of JSON.
    static func encode(_ value: Any) throws -> String {
        let data = try JSONSerialization.data(
            withJSONObject: value, options: [.fragmentsAllowed, .withoutEscapingSlashes])
        return String(decoding: data, as: UTF8.self)
    }
}
