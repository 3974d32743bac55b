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
        var code: [String] { text.components(separatedBy: "\n").map(File.strip) }

        /// Rough, but this project's formatted code has no block comments and few `//` in strings.
        private static func strip(_ line: String) -> String {
            var code = ""
            var inString = false
            var previous: Character = " "
            for character in line {
                if !inString, character == "/", previous == "/" { return String(code.dropLast()) }
                let isQuote = character == "\"" && !(inString && previous == "\\")
                if isQuote { inString.toggle() }
                if !inString || isQuote { code.append(character) }
                previous = character
            }
            return code
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
