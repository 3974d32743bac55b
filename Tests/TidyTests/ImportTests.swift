import Testing

/// An import may only point down, and only `Kernel` sees the C library: SwiftPM alone does not hold targets to it.
@Suite struct ImportTests {
    /// What each target may import, bottom to top; the standard library's own modules are free for all.
    static let allowed: [String: Set<String>] = [
        "InitProtocol": [],
        "Kernel": ["CKernel", "CSeccomp", "CCapability", "Glibc"],
        "Firewall": ["Kernel", "CNftables"],
        "Telemetry": [
            "Kernel", "Logging", "ServiceContextModule", "Tracing", "Instrumentation", "CoreMetrics", "Metrics",
        ],
        "ArchiveProtocol": [],
        "Storage": ["ArchiveProtocol", "Kernel", "Telemetry", "FoundationEssentials"],
        "Runtime": ["Firewall", "Kernel", "InitProtocol", "Telemetry"],
        "Worker": ["Kernel", "Storage", "Runtime", "Telemetry", "Logging", "FoundationEssentials"],
        "OperationsPage": [],
        "API": [
            "OperationsPage", "Worker", "Telemetry", "Kernel", "Runtime", "FoundationEssentials", "HTTPTypes",
            "Logging", "NIOCore", "NIOHTTP1", "NIOPosix", "NIOConcurrencyHelpers",
            "ServiceLifecycle",
        ],
        "Cluster": [
            "Worker", "Telemetry", "Kernel", "FoundationEssentials", "Logging", "NIOCore", "NIOHTTP1", "NIOPosix",
            "ServiceLifecycle",
        ],
        "OTLPExport": [
            "Codecs", "Telemetry", "Kernel", "FoundationEssentials", "Logging", "NIOCore", "NIOHPACK", "NIOHTTP1",
            "NIOHTTP2", "NIOPosix", "NIOSSL", "NIOTLS",
        ],
        "ApronInit": ["InitProtocol", "CKernel", "CStart"],
        "Codecs": ["Kernel", "CZlib", "CZstd"],
        "ApronArchive": ["ArchiveProtocol", "Kernel", "Codecs", "CArchive"],
    ]
    static let free: Set = ["Swift", "Synchronization", "_Concurrency"]

    @Test func importsPointDown() {
        var wrong: [String] = []
        for file in SourceTree.shared.sources where file.isSwift && file.target != "apron" {
            guard let allowed = ImportTests.allowed[file.target] else {
                wrong.append("\(file.path): target \(file.target) is not in the table of this test")
                continue
            }
            for module in imports(of: file) where !allowed.contains(module) && !ImportTests.free.contains(module) {
                wrong.append("\(file.path) imports \(module)")
            }
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    @Test func theProgramLeavesTheKernelToKernel() {
        let below: Set = ["Glibc", "CKernel", "CSeccomp", "CCapability", "CNftables"]
        let wrong = SourceTree.shared.sources.filter { $0.target == "apron" }.flatMap { file in
            imports(of: file).filter(below.contains).map { "\(file.path) imports \($0)" }
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    private func imports(of file: SourceTree.File) -> [String] {
        file.code.compactMap { line in
            let words = line.split(separator: " ")
            guard let at = words.firstIndex(of: "import"), at <= 2, at + 1 < words.count else { return nil }
            let kinds: Set<Substring> = ["struct", "class", "enum", "func", "protocol", "typealias", "var", "let"]
            let name = kinds.contains(words[at + 1]) && at + 2 < words.count ? words[at + 2] : words[at + 1]
            return String(name.split(separator: ".").first ?? "")
        }
    }
}
