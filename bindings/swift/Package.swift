// swift-tools-version: 6.2
// A package that uses the engine, as any other would. scripts/test-swift builds and runs a copy of it outside
// the tree, where IPLDSTORE_PACKAGE says where the engine is.
import PackageDescription

let engine = Context.environment["IPLDSTORE_PACKAGE"] ?? "../.."

let package = Package(
    name: "SwiftSample",
    dependencies: [.package(name: "ipldstore", path: engine)],
    targets: [
        .executableTarget(
            name: "SwiftSample",
            dependencies: [.product(name: "IpldEngine", package: "ipldstore")]),
        // The README's example; the script writes its only file.
        .executableTarget(
            name: "Readme", dependencies: [.product(name: "IpldEngine", package: "ipldstore")]),
    ],
    swiftLanguageModes: [.v6]
)
