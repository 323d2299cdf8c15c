// swift-tools-version: 6.2
import PackageDescription

/// Tables of what the checks on triggers find and what they raise on clean data.
let package = Package(
    name: "data-triggers",
    dependencies: [.package(name: "casemate", path: "../..")],
    targets: [
        .executableTarget(
            name: "data-triggers", dependencies: [.product(name: "Casemate", package: "casemate")],
            swiftSettings: ["ExistentialAny", "InternalImportsByDefault", "MemberImportVisibility"].map {
                .enableUpcomingFeature($0)
            })
    ]
)
