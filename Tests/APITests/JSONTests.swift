import Testing

@testable import API

/// Values in and out, as Go's encoder and decoder have them.
struct JSONTests {
    private func parse(_ text: String) throws -> JSONValue { try JSONParser.parse(Array(text.utf8)) }
    private func text(_ value: JSONValue) -> String { String(decoding: JSONWriter.bytes(of: value), as: UTF8.self) }

    @Test func integersAreExactToTheLastBit() throws {
        #expect(try parse("18446744073709551615") == .unsigned(.max))
        #expect(try parse("9007199254740993") == .unsigned(9_007_199_254_740_993))
        #expect(try parse("-9223372036854775808") == .negative(.min))
        #expect(try parse("18446744073709551616") == .number("18446744073709551616"))
        #expect(try parse("1.0") == .number("1.0"))
        #expect(try parse("1e3") == .number("1e3"))
        #expect(text(.unsigned(.max)) == "18446744073709551615")
    }

    @Test func stringsAreEscapedAsGoEscapesThem() {
        #expect(
            text(.string("<>&\u{2028}\u{2029}\"\\/\n\r\t\u{8}\u{c}\u{1}\u{7f}é😀¨"))
                == #""\u003c\u003e\u0026\u2028\u2029\"\\/\n\r\t\b\f\u0001\#u{7f}é😀¨""#)
    }

    @Test func surrogatesAreJoinedOrReplaced() throws {
        #expect(try parse(#""\ud83d\ude00""#) == .string("😀"))
        #expect(try parse(#""\ud83d""#) == .string("\u{FFFD}"))
        #expect(try parse(#""\ud83d\n""#) == .string("\u{FFFD}\n"))
        #expect(try parse(#""\ud83d\ud83d\ude00""#) == .string("\u{FFFD}😀"))
        #expect(try parse(#""\ude00x""#) == .string("\u{FFFD}x"))
        #expect(try JSONParser.parse([0x22, 0xFF, 0x22]) == .string("\u{FFFD}"))
    }

    @Test(arguments: [
        "", " ", "{", "[", "\"", "\"\\", "\"\\u12", "\"\\u12g4\"", "\"\\x\"", "\"\n\"", "tru", "nul", "-", "01", "1.",
        "1e",
        "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "[1,]", "[1 2]", "]", "}", ",", "+1",
    ])
    func brokenTextsAreRefused(_ broken: String) {
        #expect(throws: JSONError.self) { try parse(broken) }
    }

    @Test func everyPrefixOfAValueIsRefusedAndNothingCrashes() throws {
        let whole = #"{"a":[1,-2,3.5e+7,true,false,null,"x\u00e9\n",{"b":{}}],"c":""}"#
        _ = try parse(whole)
        for length in 0..<whole.utf8.count {
            #expect(throws: JSONError.self) { try JSONParser.parse(Array(whole.utf8.prefix(length))) }
        }
    }

    @Test func deepNestingIsRefusedNotFollowed() {
        let deep = String(repeating: "[", count: 1_000_000)
        #expect(throws: JSONError(description: "invalid JSON: nested deeper than 64 levels at byte 64")) {
            try parse(deep)
        }
    }

    @Test func whatFollowsAValueIsIgnored() throws {
        #expect(try parse(" {} trailing") == .object([JSONValue.Member]()))
    }

    @Test func keysMatchInAnyCaseAndTheLastCounts() throws {
        let object = try JSONObject(parsing: Array(#"{"Handle":"a","HANDLE":"b","handles":"c","rootfs":null}"#.utf8))
        #expect(try object.string("handle") == "b")
        #expect(try object.string("rootfs") == nil)
        #expect(try object.string("missing") == nil)
        #expect(try object.map("image") == [:])
    }

    @Test func streamsAreCutAtTheEndOfEachObject() throws {
        let text = #" {"a":"}{\"\\"}{"b":[{}]}"# + "\n\t{}"
        for split in 0...text.utf8.count {
            var stream = JSONStream(limit: 100)
            let values =
                try stream.append(Array(text.utf8.prefix(split))) + stream.append(Array(text.utf8.dropFirst(split)))
            #expect(values.map { String(decoding: $0, as: UTF8.self) } == [#"{"a":"}{\"\\"}"#, #"{"b":[{}]}"#, "{}"])
            #expect(!stream.isInsideValue)
        }
        var limited = JSONStream(limit: 10)
        #expect(throws: JSONStream.Failure.tooLarge(10)) { try limited.append(Array(#"{"abcdefgh":1}"#.utf8)) }
        var scalar = JSONStream(limit: 10)
        #expect(throws: JSONStream.Failure.notAnObject) { try scalar.append(Array("1".utf8)) }
    }
}
