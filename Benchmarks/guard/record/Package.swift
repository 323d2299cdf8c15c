// swift-tools-version: 6.2
import PackageDescription

/// How fast the audit log of the guard takes records, and what is left of it after kill -9.
let package = Package(
    name: "record",
    dependencies: [.package(name: "casemate", path: "../../..")],
    targets: [
        .executableTarget(
            name: "record", dependencies: [.product(name: "Casemate", package: "casemate")],
            swiftSettings: ["ExistentialAny", "InternalImportsByDefault", "MemberImportVisibility"].map {
                .enableUpcomingFeature($0)
            })
    ]
)
