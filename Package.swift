// swift-tools-version: 6.2
import PackageDescription

// Warnings fail the build where it is asked for (CI), so that a newer compiler's new
// warning never breaks somebody who only depends on this package.
let strict: [SwiftSetting] = Context.environment["IPLDSTORE_STRICT"] == nil
    ? [] : [.treatAllWarnings(as: .error)]

let package = Package(
    name: "ipldstore",
    products: [
        .library(name: "IpldEngine", targets: ["IpldEngine"]),
        .library(name: "MonoFS", targets: ["MonoFS"]),
        // A product "ipldstore" beside the executable of that name would be dropped silently;
        // scripts/build-libraries gives the file its name.
        .library(name: "ipldstore-c", type: .dynamic, targets: ["CAPI"]),
        .executable(name: "ipldstore", targets: ["ipldstore"]),
        .executable(name: "bench", targets: ["bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        // Arrows point down only: a module imports what is below it (docs/ARCHITECTURE.md).
        .systemLibrary(
            name: "CLMDB", path: "Sources/CLMDB", pkgConfig: "lmdb",
            providers: [.apt(["liblmdb-dev"])]),
        .systemLibrary(
            name: "CZstd", path: "Sources/CZstd", pkgConfig: "libzstd",
            providers: [.apt(["libzstd-dev"])]),
        .target(name: "Kernels", path: "Sources/Kernels"),
        .target(name: "CSystem", path: "Sources/CSystem"),
        .target(
            name: "IpldEngine", dependencies: ["Kernels", "CSystem", "CLMDB", "CZstd"],
            path: "Sources/Engine", swiftSettings: strict),
        .target(
            name: "MonoFS", dependencies: ["IpldEngine", "CSystem"],
            path: "Sources/MonoFS", swiftSettings: strict),
        // The C interface: include/ is the contract, CAPI implements exactly it.
        .systemLibrary(name: "CIpldStore", path: "include"),
        .target(
            name: "CAPI", dependencies: ["CIpldStore", "CSystem", "IpldEngine", "MonoFS"],
            path: "Sources/CAPI", swiftSettings: strict),
        .executableTarget(
            name: "ipldstore",
            dependencies: [
                "IpldEngine", "MonoFS",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/ipldstore", swiftSettings: strict),
        .executableTarget(
            name: "bench",
            dependencies: [
                "IpldEngine", "MonoFS", "CAPI", "CIpldStore", "Kernels", "CLMDB", "CZstd",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/bench", swiftSettings: strict),
        // What tests of several modules share.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
        // Kills, fills, damages and races stores, in processes that may die of it (docs/RELIABILITY.md).
        .target(name: "FlightRecorder", path: "Tests/FlightRecorder"),
        .executableTarget(
            name: "fault-worker", dependencies: ["IpldEngine", "MonoFS", "FlightRecorder", "TestSupport"],
            path: "Tests/FaultWorker", swiftSettings: strict),
        .testTarget(
            name: "FaultTests", dependencies: ["fault-worker"],
            path: "Tests/FaultTests", swiftSettings: strict),
        .testTarget(
            name: "EngineTests", dependencies: ["IpldEngine", "Kernels", "TestSupport"],
            path: "Tests/EngineTests", exclude: ["Fixtures"], swiftSettings: strict),
        .testTarget(
            name: "MonoFSTests", dependencies: ["MonoFS", "IpldEngine", "TestSupport"],
            path: "Tests/MonoFSTests", swiftSettings: strict),
        .testTarget(
            name: "CAPITests", dependencies: ["CAPI", "CIpldStore", "IpldEngine", "TestSupport"],
            path: "Tests/CAPITests", swiftSettings: strict),
        // Runs the command line that is built beside it.
        .testTarget(name: "CLITests", path: "Tests/CLITests", swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)

// With coverage and libFuzzer's main, by scripts/fuzz alone (docs/RELIABILITY.md).
if Context.environment["IPLDSTORE_FUZZ"] != nil {
    package.targets += [
        .target(
            name: "FuzzTargets", dependencies: ["IpldEngine", "MonoFS", "Kernels", "CLMDB"],
            path: "Tests/FuzzTargets", swiftSettings: strict),
        .executableTarget(name: "fuzz-targets", dependencies: ["FuzzTargets"], path: "Tests/FuzzMain"),
    ]
}
