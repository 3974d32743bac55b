import Testing

/// The other tests see nothing if comments and strings are told apart wrongly.
@Suite struct StripTests {
    @Test(arguments: [
        ("let a = 1 // unsafe", "let a = 1 "),
        ("/// unsafe", ""),
        ("let a = \"unsafe // not a comment\" + b", "let a = \"\" + b"),
        ("let a = \"\\\" unsafe\"", "let a = \"\""),
        ("a / b", "a / b"),
    ])
    func leavesOnlyCode(line: String, code: String) {
        #expect(SourceTree.File(path: "x.swift", text: line).code == [code])
    }

    @Test func namesTheTarget() {
        let file = SourceTree.File(path: "Sources/Kernel/Files/Directory.swift", text: "")
        #expect(file.target == "Kernel")
        #expect(file.name == "Directory.swift")
    }
}
