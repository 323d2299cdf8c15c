// swift-tools-version: 6.2
import PackageDescription

/// Timings of library code, apart from the product so that its users never build them.
let package = Package(
    name: "library-benchmarks",
    dependencies: [.package(name: "casemate", path: "../..")],
    targets: [
        .executableTarget(
            name: "library-benchmarks", dependencies: [.product(name: "Casemate", package: "casemate")],
            swiftSettings: ["ExistentialAny", "InternalImportsByDefault", "MemberImportVisibility"].map {
                .enableUpcomingFeature($0)
            })
    ]
)
