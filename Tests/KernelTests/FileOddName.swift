import Foundation
import Testing

/// Makes an empty file whose name is not text, which ``Directory`` does not offer.
func makeFile(named name: [UInt8], in directory: String) throws {
    let path = Array(directory.utf8) + [UInt8(ascii: "/")] + name + [0]
    let file = open(path.map { CChar(bitPattern: $0) }, O_CREAT | O_WRONLY, 0o600)
    try #require(file >= 0)
    close(file)
}
