import Foundation
import Kernel
import TestSupport

/// Lines with running numbers, at least so many bytes.
func numberedLines(bytes: Int) -> String {
    var text = ""
    text.reserveCapacity(bytes + 64)
    var number = 0
    while text.utf8.count < bytes {
        text += "line \(number) of a text that is long and can be told apart from any part of itself\n"
        number += 1
    }
    return text
}

/// The SHA-256 of the text in hexadecimal, by the host's program.
func sha256(_ text: String) -> String {
    do {
        let scratch = try Scratch()
        try scratch.directory.write("text", Array(text.utf8), mode: 0o600)
        return String(try runProgram("sha256sum", "\(scratch.path)/text").prefix(64))
    } catch {
        return "\(error)"
    }
}

/// A value that a test hands to a thread and does not touch meanwhile.
struct UncheckedBox<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
