// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] =
    ["ExistentialAny", "InternalImportsByDefault", "MemberImportVisibility"].map { .enableUpcomingFeature($0) }
    + [.treatAllWarnings(as: .error)]

/// A library of Casemate; it may import only targets named in `imports` and the products named in `products`.
func library(
    _ name: String, imports: [String], products: [Target.Dependency] = [], exclude: [String] = []
) -> Target {
    .target(
        name: name, dependencies: imports.map { .target(name: $0) } + products, exclude: exclude, swiftSettings: strict)
}

/// Tests of a target; `Support` holds what several of them share.
func tests(
    of name: String, also: [String] = [], products: [Target.Dependency] = [], exclude: [String] = []
) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: ([name, "TestSupport"] + also).map { .target(name: $0) } + products,
        exclude: exclude, swiftSettings: strict)
}

/// A thin C or C++ shim over a native engine.
func shim(_ name: String, settings: [LinkerSetting] = [.linkedLibrary("dl")]) -> Target {
    .target(name: name, path: "Sources/Engines/\(name)", linkerSettings: settings)
}

let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let yaml = Target.Dependency.product(name: "Yams", package: "Yams")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let sqlite = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let server = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let tokens = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let certificates = Target.Dependency.product(name: "X509", package: "swift-certificates")
let syntax = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let moreCrypto = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let nioParameters = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "casemate",
    products: [
        .executable(name: "casemate", targets: ["casemate"]),
        .library(
            name: "Casemate",
            targets: [
                "CasemateCore", "CasemateReport", "CasemateData", "CasemateModels", "CasemateDetect", "CasemateScan",
                "CasemateAttacks", "CasemateAudit", "CasemateGuard",
            ]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        shim("COnnxRuntime"),
        shim("CLightGBM"),
        shim("CDuckDB"),
        shim("CBoostMath", settings: [.linkedLibrary("m")]),
        shim("CHnsw", settings: [.linkedLibrary("m")]),
        shim("CPng", settings: [.linkedLibrary("png")]),
        shim("CJpeg", settings: [.linkedLibrary("jpeg")]),
        .systemLibrary(name: "CZlib", path: "Sources/Engines/CZlib", providers: [.apt(["zlib1g-dev"])]),
        library("CasemateCore", imports: ["CBoostMath"], products: [crypto, logging, yaml]),
        library("CasemateReport", imports: ["CasemateCore"], products: [mustache]),
        library("CasemateData", imports: ["CDuckDB", "CJpeg", "CPng", "CZlib", "CasemateCore"]),
        library(
            "CasemateModels", imports: ["COnnxRuntime", "CLightGBM", "CasemateCore", "CasemateData"],
            products: [protobuf, crypto, sqlite, httpClient, nio, nioHTTP, nioTLS], exclude: ["Onnx/onnx.proto"]),
        library("CasemateDetect", imports: ["CHnsw", "CasemateCore", "CasemateData", "CasemateModels"]),
        library("CasemateScan", imports: ["CasemateCore", "CasemateData", "CasemateModels"], products: [crypto]),
        library("CasemateAttacks", imports: ["CasemateCore", "CasemateData", "CasemateModels"]),
        library(
            "CasemateAudit",
            imports: [
                "CZlib", "CasemateCore", "CasemateReport", "CasemateData", "CasemateModels", "CasemateDetect",
                "CasemateScan", "CasemateAttacks",
            ], products: [crypto, logging, sqlite]),
        library(
            "CasemateGuard",
            imports: [
                "CZlib", "CasemateCore", "CasemateReport", "CasemateData", "CasemateModels", "CasemateDetect",
            ],
            products: [
                crypto, logging, sqlite, httpClient, nio, nioHTTP, nioPosix, nioTLS, nioParameters, nioHTTP2, server,
                tokens, certificates, syntax, mustache,
            ]),
        .executableTarget(
            name: "casemate",
            dependencies: [
                "CasemateCore", "CasemateReport", "CasemateData", "CasemateModels", "CasemateDetect", "CasemateScan",
                "CasemateAttacks", "CasemateAudit", "CasemateGuard", arguments, logging,
            ], swiftSettings: strict),
        .target(
            name: "TestSupport", dependencies: ["CasemateCore", nio, nioHTTP, nioPosix, nioTLS],
            path: "Tests/TestSupport",
            swiftSettings: strict),
        tests(of: "CasemateCore"),
        tests(of: "CasemateReport", also: ["CasemateCore"], exclude: ["Golden"]),
        tests(of: "CasemateData", also: ["CasemateCore"]),
        tests(of: "CasemateModels", also: ["CasemateCore", "CasemateData"]),
        tests(of: "CasemateDetect", also: ["CasemateCore", "CasemateData", "CasemateModels"]),
        tests(of: "CasemateScan", also: ["CasemateCore", "CasemateData", "CasemateModels"]),
        tests(of: "CasemateAttacks", also: ["CasemateCore", "CasemateData", "CasemateModels"]),
        tests(
            of: "CasemateAudit",
            also: [
                "CasemateCore", "CasemateData", "CasemateModels", "CasemateReport", "CasemateDetect", "CasemateScan",
                "CasemateAttacks",
            ]),
        tests(
            of: "CasemateGuard", also: ["CasemateCore", "CasemateData", "CasemateModels", "CasemateDetect"],
            products: [
                crypto, moreCrypto, logging, sqlite, nio, nioPosix, nioTLS, nioParameters, tokens, certificates, syntax,
            ]),
        tests(of: "casemate", also: ["CasemateCore"]),
    ]
)
