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
let staticProgram: [LinkerSetting] = [.unsafeFlags(["-Xclang-linker", "-static"])]

let package = Package(
    name: "apron",
    products: [
        .executable(name: "apron", targets: ["apron"]),
        .executable(name: "ApronInit", targets: ["ApronInit"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-service-context", from: "1.5.1"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Bottom to top; an import may only point down (TidyTests checks it).
        .target(name: "CKernel"),
        .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
        .systemLibrary(name: "CCapability", pkgConfig: "libcap", providers: [.apt(["libcap-dev"])]),
        .systemLibrary(name: "CNftables", pkgConfig: "libnftables", providers: [.apt(["libnftables-dev"])]),
        .target(name: "InitProtocol"),
        .target(
            name: "Kernel", dependencies: ["CKernel", "CSeccomp", "CCapability", "CNftables"], swiftSettings: strict),
        .target(
            name: "Telemetry",
            dependencies: [
                "Kernel",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceContextModule", package: "swift-service-context"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: strict
        ),
        .target(name: "Storage", dependencies: ["Kernel", "Telemetry"], swiftSettings: strict),
        .target(name: "Runtime", dependencies: ["Kernel", "InitProtocol", "Telemetry"], swiftSettings: strict),
        .target(
            name: "Worker",
            dependencies: [
                "Kernel", "Storage", "Runtime", "Telemetry",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "API",
            dependencies: [
                "Worker", "Telemetry", "Kernel",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "apron",
            dependencies: [
                "API", "Worker", "Runtime", "Storage", "Telemetry", "Kernel",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),
        // Process 1 of every container: Embedded Swift, static, needs nothing from the container's root.
        .executableTarget(
            name: "ApronInit",
            dependencies: ["InitProtocol", "CKernel"],
            swiftSettings: embedded,
            linkerSettings: staticProgram
        ),
        .executableTarget(
            name: "FacadeBenchmark",
            dependencies: ["Telemetry", "Kernel", .product(name: "Tracing", package: "swift-distributed-tracing")],
            path: "Benchmarks/FacadeBenchmark",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "StreamBenchmark", dependencies: ["Runtime", "Kernel"], path: "Benchmarks/StreamBenchmark"),

        // Support and rings of tests.
        .target(name: "CTestSupport", path: "Tests/CTestSupport"),
        .target(name: "TestSupport", dependencies: ["Kernel"], path: "Tests/TestSupport", swiftSettings: tests),
        .testTarget(name: "TidyTests", swiftSettings: tests),
        .testTarget(name: "KernelTests", dependencies: ["Kernel", "TestSupport"], swiftSettings: tests),
        .testTarget(
            name: "TelemetryTests",
            dependencies: [
                "Telemetry", "Kernel", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceContextModule", package: "swift-service-context"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: tests
        ),
        .testTarget(
            name: "RuntimeTests", dependencies: ["Runtime", "Kernel", "TestSupport", "CTestSupport"],
            swiftSettings: tests),
        .testTarget(name: "WorkerTests", dependencies: ["Worker", "Kernel"], swiftSettings: tests),
        .testTarget(
            name: "APITests",
            dependencies: [
                "API", "Worker", "Kernel", "Telemetry",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
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
                "apron", "Worker", "Runtime", "Telemetry", "Kernel", "TestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
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
                "Worker", "Runtime", "Storage", "Telemetry", "Kernel", "InitProtocol", "TestSupport",
            ],
            swiftSettings: tests
        ),
        .testTarget(
            name: "ConformanceTests", dependencies: ["Kernel", "TestSupport"],
            swiftSettings: tests),
    ]
)
