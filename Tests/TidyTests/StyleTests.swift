import Testing

/// Rules that reviews would otherwise have to repeat.
@Suite struct StyleTests {
    static let fileLinesMax = 400
    static let functionLinesMax = 70

    private var sources: [SourceTree.File] { SourceTree.shared.sources }

    @Test func theTreeIsFound() { #expect(sources.count > 20) }

    @Test func unsafeCodeIsAtTheBoundariesOnly() {
        // Codecs and ApronArchive speak to the C libraries of their formats.
        let home: Set = ["Kernel", "Firewall", "ApronInit", "Codecs", "ApronArchive"]
        expectNone(of: sources.filter { $0.isSwift && !home.contains($0.target) }, #/\bunsafe\b/#)
    }

    @Test func nobodyForksOrAsksAShell() {
        expectNone(of: sources, #/\b(fork|vfork|system|popen)\(/#)
    }

    @Test func nothingPointsOutOfTheProject() {
        var wrong: [String] = []
        // Put together here, so that this file does not find itself.
        let places = ["/wo" + "rk/", "sha" + "red/reference"]
        for file in sources + SourceTree.shared.tests {
            wrong += places.filter(file.text.contains).map { "\(file.path): \($0)" }
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    @Test func filesAreNamedForWhatTheyHold() {
        let banned = ["Manager", "Helper", "Utils", "Utilities", "Extras", "Common", "Misc"]
        let wrong = (sources + SourceTree.shared.tests).filter { file in banned.contains { file.name.contains($0) } }
        #expect(wrong.isEmpty, "\(wrong.map(\.path))")
    }

    @Test func filesAreShort() {
        let wrong = sources.compactMap { file -> String? in
            let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false).count
            return lines > StyleTests.fileLinesMax ? "\(file.path): \(lines) lines" : nil
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    /// The end of a function is the first closing brace at its own indentation, which the formatter guarantees.
    @Test func functionsFitAScreen() {
        var wrong: [String] = []
        for file in sources where file.isSwift {
            var start: (line: Int, indentation: Int, text: String)?
            for (number, line) in file.code.enumerated() {
                let indentation = line.utf8.prefix { $0 == UInt8(ascii: " ") }.count
                if line.hasSuffix("{"), line.contains(#/\b(func|init|deinit|subscript)\b|^\s*\) /#) {
                    if start == nil { start = (number, indentation, line) }
                } else if let opened = start, line.hasPrefix(String(repeating: " ", count: opened.indentation) + "}") {
                    if number - opened.line > StyleTests.functionLinesMax {
                        wrong.append("\(file.path):\(opened.line + 1): \(number - opened.line) lines")
                    }
                    start = nil
                }
            }
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    /// Constants of a documented type, cases, and what a protocol of ours has documented speak for themselves.
    @Test func publicDeclarationsAreDocumented() {
        let declaration =
            #/^\s*(@\w+(\(.*\))? )*public (static |final |borrowing |consuming |mutating )*(?<kind>func|var|struct|class|enum|init|protocol|typealias|actor|subscript)\b *(?<name>\w*)/#
        let requirements = requirements
        var wrong: [String] = []
        for file in sources where file.isSwift {
            let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false)
            for (number, line) in lines.enumerated() {
                guard line.contains("public "), let found = line.firstMatch(of: declaration),
                    !requirements.contains(String(found.output.name))
                else { continue }
                let attribute = #/^\s*(@|#if)/#
                let before = lines[..<number].last { !$0.contains(attribute) } ?? ""
                if !before.contains(#/^\s*\/\/\//#) { wrong.append("\(file.path):\(number + 1)") }
            }
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    /// The names that this project's own protocols ask for.
    private var requirements: Set<String> {
        var names: Set<String> = []
        for file in sources where file.isSwift && file.text.contains("public protocol ") {
            var isInside = false
            for line in file.code {
                if line.hasPrefix("public protocol ") { isInside = true }
                if line.hasPrefix("}") { isInside = false }
                if isInside, let found = line.firstMatch(of: #/\b(func|var) (\w+)/#) { names.insert(String(found.2)) }
            }
        }
        return names
    }

    private func expectNone(
        of files: [SourceTree.File], _ pattern: some RegexComponent, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        var wrong: [String] = []
        for file in files {
            for (number, line) in file.code.enumerated() where line.contains(pattern) {
                wrong.append("\(file.path):\(number + 1): \(line.trimmingPrefix { $0 == " " })")
            }
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))", sourceLocation: sourceLocation)
    }
}
