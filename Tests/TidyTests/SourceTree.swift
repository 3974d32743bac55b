import Foundation

/// The project's source files, read once.
struct SourceTree {
    /// One file.
    struct File {
        /// The path from the project's root.
        let path: String
        /// The text as it is.
        let text: String

        /// `Kernel` for `Sources/Kernel/Files/Directory.swift`.
        var target: String { String(path.split(separator: "/").dropFirst().first ?? "") }
        var name: String { String(path.split(separator: "/").last ?? "") }
        var isSwift: Bool { path.hasSuffix(".swift") }

        /// The lines without their comments and without what stands in string literals.
        let code: [String]

        init(path: String, text: String) {
            self.path = path
            self.text = text
            code = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(File.strip)
        }

        /// Rough, but this project's formatted code has no block comments.
        private static func strip(_ line: Substring.UTF8View) -> String {
            let (quote, slash, backslash) = (UInt8(ascii: "\""), UInt8(ascii: "/"), UInt8(ascii: "\\"))
            var code: [UInt8] = []
            var inString = false
            var previous: UInt8 = 0
            for byte in line {
                if !inString, byte == slash, previous == slash {
                    code.removeLast()
                    break
                }
                let isQuote = byte == quote && !(inString && previous == backslash)
                if isQuote { inString.toggle() }
                if !inString || isQuote { code.append(byte) }
                previous = byte
            }
            return String(decoding: code, as: UTF8.self)
        }
    }

    let root: URL
    let sources: [File]
    let tests: [File]

    static let shared = SourceTree()

    private init() {
        root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        sources = SourceTree.read(root, "Sources")
        tests = SourceTree.read(root, "Tests")
    }

    private static func read(_ root: URL, _ folder: String) -> [File] {
        let extensions: Set = ["swift", "c", "h"]
        guard let found = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path) else {
            return []
        }
        return found.compactMap { $0 as? String }.sorted().compactMap { path in
            guard extensions.contains(URL(fileURLWithPath: path).pathExtension),
                let text = try? String(contentsOf: root.appendingPathComponent("\(folder)/\(path)"), encoding: .utf8)
            else { return nil }
            return File(path: "\(folder)/\(path)", text: text)
        }
    }
}
