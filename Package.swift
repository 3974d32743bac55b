// swift-tools-version: 6.2
import PackageDescription

// Every Swift target is built under the same rules: language mode 6, warnings are errors; all but tests under strict
// memory safety.
let common: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]
let strict = common + [.strictMemorySafety()]

// Tests may use pointers where that is the shortest way to play a hostile peer.
let tests = common
// Programs that run inside containers, whatever their root looks like.
let embedded: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .enableExperimentalFeature("Embedded"), .unsafeFlags(["-wmo"]),
]
// What is released starts in half the time with the standard library inside; tests are not linked so.
let staticLibrary: [LinkerSetting] = [
    .unsafeFlags(
        [
            "-static-stdlib", "-l_FoundationCShims", "-l_FoundationCollections",
            // Nothing that is loaded later looks for names in the program.
            "-use-ld=lld", "-Xlinker", "--no-export-dynamic",
            // Eighty thousand addresses to be moved are read at each start: as a bitmap they take a hundredth of the space.
            "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs",
        ],
        .when(configuration: .release))
]
// Process 1 brings along what it uses of a C library (CStart). Whoever starts containers copies it into memory, so that
// what is released carries nothing for debuggers.
let withoutLibrary: [LinkerSetting] = [
    .unsafeFlags(["-Xclang-linker", "-static", "-Xclang-linker", "-nostdlib", "-Xlinker", "--gc-sections"]),
    .unsafeFlags(["-Xlinker", "--strip-all"], .when(configuration: .release)),
]
let staticProgram: [LinkerSetting] = [.unsafeFlags(["-Xclang-linker", "-static"])]

let package = Package(
    name: "apron",
    products: [
        .executable(name: "apron", targets: ["apron"]),
        .executable(name: "ApronInit", targets: ["ApronInit"]),
        .executable(name: "ApronArchive", targets: ["ApronArchive"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.7.1"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-service-context", from: "1.5.1"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Bottom to top; an import may only point down (TidyTests checks it).
        // A section for each function: process 1 takes only those that it calls.
        .target(name: "CKernel", cSettings: [.unsafeFlags(["-ffunction-sections"])]),
        .target(
            name: "CStart",
            cSettings: [
                .unsafeFlags(["-ffreestanding", "-fno-builtin", "-fno-stack-protector", "-ffunction-sections"])
            ]),
        .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
        .systemLibrary(name: "CCapability", pkgConfig: "libcap", providers: [.apt(["libcap-dev"])]),
        .target(name: "CNftables"),
        .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "InitProtocol"),
        .target(name: "Kernel", dependencies: ["CKernel", "CSeccomp", "CCapability"], swiftSettings: strict),
        .target(name: "Firewall", dependencies: ["Kernel", "CNftables"], swiftSettings: strict),
        .target(
            name: "Telemetry",
            dependencies: [
                "Kernel",
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceContextModule", package: "swift-service-context"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: strict
        ),
        // What daemon and archive process say to each other.
        .target(name: "ArchiveProtocol", swiftSettings: strict),
        .target(
            name: "Storage", dependencies: ["ArchiveProtocol", "Kernel", "Telemetry"], swiftSettings: strict),
        .target(
            name: "Runtime", dependencies: ["Firewall", "Kernel", "InitProtocol", "Telemetry"], swiftSettings: strict),
        .target(
            name: "Worker",
            dependencies: [
                "Kernel", "Storage", "Runtime", "Telemetry",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict
        ),
        // The operator's page, a file of its own so that it is compiled only when it changes.
        .target(name: "OperationsPage", resources: [.embedInCode("page.html")], swiftSettings: strict),
        .target(
            name: "API",
            dependencies: [
                "OperationsPage", "Worker", "Telemetry", "Kernel",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "OTLPExport",
            dependencies: [
                "Telemetry", "Kernel", "Codecs",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "apron",
            dependencies: [
                "OTLPExport", "API", "Worker", "Runtime", "Storage", "Telemetry", "Kernel",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict,
            linkerSettings: staticLibrary
        ),
        // Process 1 of every container: Embedded Swift, static, needs nothing from the container's root.
        .executableTarget(
            name: "ApronInit",
            dependencies: ["InitProtocol", "CKernel", "CStart"],
            swiftSettings: embedded,
            linkerSettings: withoutLibrary
        ),
        // Compressed streams: gzip, zstd, and the framed S2 format.
        .target(name: "Codecs", dependencies: ["Kernel", "CZlib", "CZstd"], swiftSettings: strict),
        // The confined process that packs and unpacks archives.
        .executableTarget(
            name: "ApronArchive", dependencies: ["ArchiveProtocol", "Kernel", "Codecs", "CArchive"],
            swiftSettings: strict,
            // One is started for each stream, and fewer libraries are loaded so.
            linkerSettings: [.unsafeFlags(["-static-stdlib"])]),
        .executableTarget(
            name: "FacadeBenchmark",
            dependencies: [
                "OTLPExport", "Telemetry", "Kernel", .product(name: "Logging", package: "swift-log"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            path: "Benchmarks/FacadeBenchmark",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "FloodBenchmark",
            dependencies: [
                "API", "OTLPExport", "Telemetry", "Kernel", .product(name: "Logging", package: "swift-log"),
            ],
            path: "Benchmarks/FloodBenchmark"),
        .executableTarget(name: "CloneBenchmark", dependencies: ["Kernel"], path: "Benchmarks/CloneBenchmark"),
        .executableTarget(
            name: "StreamBenchmark", dependencies: ["Runtime", "Kernel"], path: "Benchmarks/StreamBenchmark"),

        // Support and rings of tests.
        .target(name: "CTestSupport", path: "Tests/CTestSupport"),
        .target(name: "TestSupport", dependencies: ["Kernel"], path: "Tests/TestSupport", swiftSettings: tests),
        .testTarget(name: "TidyTests", dependencies: ["TestSupport"], swiftSettings: tests),
        .testTarget(name: "KernelTests", dependencies: ["Kernel", "TestSupport"], swiftSettings: tests),
        .testTarget(
            name: "TelemetryTests",
            dependencies: [
                "Telemetry", "Kernel", "TestSupport",
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceContextModule", package: "swift-service-context"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: tests
        ),
        .testTarget(name: "CodecsTests", dependencies: ["Codecs", "Kernel", "TestSupport"], swiftSettings: tests),
        .testTarget(
            name: "StorageTests", dependencies: ["Storage", "Telemetry", "Kernel", "TestSupport"],
            swiftSettings: tests),
        .testTarget(
            name: "RuntimeTests", dependencies: ["Runtime", "Kernel", "TestSupport", "CTestSupport"],
            swiftSettings: tests),
        // What the official test suite of W3C Trace Context talks to.
        .executableTarget(
            name: "TraceContextService",
            dependencies: [
                "API", "Telemetry",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Tests/TraceContextService", swiftSettings: tests),
        // Ends spans until it is killed; what a receiver gets of them is what survives.
        .executableTarget(
            name: "ExportProbe",
            dependencies: [
                "OTLPExport", "Telemetry", "Kernel", .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/ExportProbe", swiftSettings: tests),
        .testTarget(
            name: "OTLPExportTests",
            dependencies: [
                "OTLPExport", "Telemetry", "Kernel", "TestSupport", .product(name: "Logging", package: "swift-log"),
            ],
            exclude: ["receiver.py"], swiftSettings: tests),
        .testTarget(name: "WorkerTests", dependencies: ["Worker", "Kernel"], swiftSettings: tests),
        .testTarget(
            name: "APITests",
            dependencies: [
                "API", "Worker", "Kernel", "Telemetry", "TestSupport",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: tests
        ),
        .testTarget(
            name: "ApronTests",
            dependencies: [
                "apron", "OTLPExport", "API", "Worker", "Runtime", "Storage", "Telemetry", "Kernel", "TestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: tests
        ),
        // What privileged tests run inside containers to look around: static, needs nothing of a root.
        .target(name: "CContainerProbe", path: "Tests/CContainerProbe"),
        .executableTarget(
            name: "ContainerProbe",
            dependencies: ["CContainerProbe"],
            path: "Tests/ContainerProbe",
            swiftSettings: embedded,
            linkerSettings: staticProgram
        ),
        .testTarget(
            name: "PrivilegedTests",
            dependencies: [
                "Worker", "Runtime", "Storage", "Telemetry", "Firewall", "Kernel", "InitProtocol", "TestSupport",
            ],
            swiftSettings: tests
        ),
        .testTarget(
            name: "ConformanceTests", dependencies: ["Kernel", "TestSupport"],
            swiftSettings: tests),
    ]
)
