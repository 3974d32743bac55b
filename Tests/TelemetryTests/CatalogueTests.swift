import Telemetry
import TestSupport
import Testing

/// The span catalogue of the documentation is what the list of phases says.
@Suite struct CatalogueTests {
    private static let page = "Sources/Worker/Worker.docc/Spans.md"

    @Test func catalogueIsUpToDate() throws {
        let documentation = try PhaseDocumentation()
        try GeneratedSection("catalogue", of: Self.page).check(documentation.catalogue())
    }

    @Test func everyPhaseAndGroupIsDescribed() throws {
        let documentation = try PhaseDocumentation()
        for phase in Phase.allCases { #expect(documentation.phases[phase] != nil, "\(phase)") }
        for group in Phase.Group.allCases { #expect(documentation.groups[group] != nil, "\(group)") }
    }

    /// Attributes are described by hand; this finds those that the page forgets.
    @Test(arguments: ["Worker", "API", "Runtime", "Telemetry"]) func everyAttributeIsDescribed(_ target: String) throws
    {
        let page = try GeneratedSection.text(of: Self.page)
        let key = #/"(?<key>apron\.[a-z_.]+)"/#
        for path in try GeneratedSection.swiftFiles(below: "Sources/\(target)") where !path.hasSuffix("/Phase.swift") {
            for match in try GeneratedSection.text(of: path).matches(of: key) {
                #expect(page.contains("`\(match.output.key)`"), "\(path): \(match.output.key) is not in \(Self.page)")
            }
        }
    }
}

/// What the comments in `Phase.swift` say about each phase and group.
private struct PhaseDocumentation {
    private(set) var phases: [Phase: String] = [:]
    private(set) var groups: [Phase.Group: String] = [:]

    init() throws {
        var comment: [String] = []
        var names: [String: Phase] = [:]
        for line in try GeneratedSection.text(of: "Sources/Telemetry/Phase.swift").split(separator: "\n") {
            let line = line.drop { $0 == " " }
            if line.hasPrefix("/// ") {
                comment.append(String(line.dropFirst(4)))
                continue
            }
            let text = comment.joined(separator: " ")
            comment = []
            if text.isEmpty { continue }
            if let match = line.wholeMatch(of: #/case (?<name>\w+) = "(?<raw>[^"]+)"/#),
                let phase = Phase(rawValue: String(match.output.raw))
            {
                phases[phase] = text
                names[String(match.output.name)] = phase
            } else if let match = line.wholeMatch(of: #/case (?<name>\w+)/#),
                let group = Phase.Group(rawValue: String(match.output.name))
            {
                groups[group] = text
            }
        }
        let reference = #/``(Phase/)?(?<name>\w+)``/#
        for (group, text) in groups {
            groups[group] = text.replacing(reference) { match in
                "`\(names[String(match.output.name)]?.rawValue ?? String(match.output.name))`"
            }
        }
    }

    /// A table for each group, in the order of the list.
    func catalogue() -> String {
        var lines: [String] = []
        for group in Phase.Group.allCases {
            lines += ["### \(group.rawValue)", "", groups[group] ?? "", ""]
            lines += ["| span | what it times |", "| --- | --- |"]
            for phase in Phase.allCases where phase.group == group {
                lines.append("| `\(phase.rawValue)` | \(phases[phase] ?? "") |")
            }
            lines.append("")
        }
        return lines.dropLast().joined(separator: "\n")
    }
}
