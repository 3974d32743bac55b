import Foundation

/// The part of a documentation page that is made from the source code: what stands between two comment lines.
///
/// Tests compare it with what the code says now; with `APRON_WRITE_CATALOGUE=1` in the environment they write it.
public struct GeneratedSection {
    /// Why a page is not up to date.
    public enum Failure: Error, CustomStringConvertible {
        /// The page has no such part.
        case missing(page: String, section: String)
        /// The part differs from what it should be.
        case stale(page: String, section: String)

        /// What to do about it.
        public var description: String {
            switch self {
            case .missing(let page, let section):
                "\(page) has no section that begins with '\(GeneratedSection.begin(section))'"
            case .stale(let page, let section):
                "\(page): section '\(section)' is stale; run the tests with APRON_WRITE_CATALOGUE=1 and commit the page"
            }
        }
    }

    private let page: String
    private let section: String

    /// A section of a page, which is named by its path below the project's directory.
    public init(_ section: String, of page: String) {
        self.section = section
        self.page = page
    }

    /// The project's directory.
    private static let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The text of a file of the project.
    public static func text(of path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    /// The paths of the Swift files below a folder of the project, sorted.
    public static func swiftFiles(below folder: String) throws -> [String] {
        let found = try FileManager.default.subpathsOfDirectory(atPath: root.appendingPathComponent(folder).path)
        return found.filter { $0.hasSuffix(".swift") }.map { "\(folder)/\($0)" }.sorted()
    }

    /// Compares the section with `content`, or writes it when that is asked for.
    public func check(_ content: String) throws {
        let text = try Self.text(of: page)
        guard let begin = text.range(of: Self.begin(section) + "\n"),
            let end = text.range(of: "\n<!-- end of \(section) -->", range: begin.upperBound..<text.endIndex)
        else { throw Failure.missing(page: page, section: section) }
        let current = begin.upperBound..<end.lowerBound
        if text[current] == content { return }
        guard ProcessInfo.processInfo.environment["APRON_WRITE_CATALOGUE"] == "1" else {
            throw Failure.stale(page: page, section: section)
        }
        try text.replacingCharacters(in: current, with: content)
            .write(to: Self.root.appendingPathComponent(page), atomically: true, encoding: .utf8)
    }

    private static func begin(_ section: String) -> String { "<!-- \(section), generated from the source -->" }
}
