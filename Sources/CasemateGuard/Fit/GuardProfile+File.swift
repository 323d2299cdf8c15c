public import CasemateCore
import CasemateData
public import CasemateDetect
import CasemateModels
public import Foundation

extension GuardProfile {
    /// Most bytes of `profile.json`.
    public static let sizeLimit = 64 << 20
    /// Most features, levels of all of them together, and classes.
    static let mostFeatures = 1 << 18, mostLevels = 1 << 20, mostClasses = 1 << 16

    /// The profile as JSON: the same profile gives the same bytes.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        return try encoder.encode(self) + Data("\n".utf8)
    }

    /// Reads the profile of a folder and checks that its parts fit together.
    /// - Throws: `notFound` for a folder that is none or has no profile; `limitExceeded`; `unsupported` for another
    ///   version; `malformed` for what no profile holds.
    public init(folder: String) throws {
        let path = "\(folder)/\(Self.profileFile)"
        guard FileManager.default.fileExists(atPath: path) else {
            throw CasemateError(
                .notFound, at: folder, "there is no profile here",
                help: "make one: casemate guard fit train.csv --model model.onnx --output \(folder)")
        }
        try self.init(json: Data(try FileBytes.content(of: path, limit: Self.sizeLimit)), place: path)
    }

    /// Reads a profile; `place` stands in messages.
    /// - Throws: as reading a folder.
    public init(json: Data, place: String) throws {
        func malformed(_ what: String) -> CasemateError {
            CasemateError(.malformed, at: place, what, help: "make it again with `casemate guard fit`")
        }
        guard json.count <= Self.sizeLimit else { throw malformed("is larger than \(Self.sizeLimit) bytes") }
        struct Version: Decodable { let schema: String }
        let decoder = JSONDecoder()
        guard let version = try? decoder.decode(Version.self, from: json) else { throw malformed("is no profile") }
        guard version.schema == Self.schema else {
            guard version.schema.hasPrefix("casemate.guard-profile/") else { throw malformed("is no profile") }
            throw CasemateError(
                .unsupported, at: place, "is a profile of another version, this release reads \(Self.schema)",
                help: "make it again with `casemate guard fit`")
        }
        do { self = try decoder.decode(GuardProfile.self, from: json) } catch {
            throw malformed("is a damaged profile")
        }
        if let fault { throw malformed("is a damaged profile: \(fault)") }
    }

    /// What does not fit together, a clause; `nil` where all does.
    private var fault: String? {
        guard rows > 0, rows <= 1 << 40, rate > 0, rate <= 0.5 else { return "rows or rate" }
        guard Self.isDigest(model.sha256), Self.isDigest(files.reference), files.outliers.map(Self.isDigest) ?? true
        else { return "digests" }
        guard !features.isEmpty, features.count <= Self.mostFeatures,
            Set(features.map(\.name)).count == features.count
        else { return "names of features" }
        guard features.reduce(0, { $0 + ($1.levels?.count ?? 0) }) <= Self.mostLevels else { return "levels" }
        if let index = features.firstIndex(where: { !$0.isSound }) { return "feature \(index + 1)" }
        guard model.classes.count <= Self.mostClasses, Set(model.classes).count == model.classes.count,
            (model.task == .regression) == model.classes.isEmpty
        else { return "classes" }
        guard answers.shares.count == model.classes.count, answers.shares.allSatisfy({ (0...1).contains($0) }),
            (answers.lowMargin ?? 0).isShare, Self.areQuantiles(answers.quantiles)
        else { return "answers" }
        for entry in heldOut {
            guard (0...rows).contains(entry.rows), (0...entry.rows).contains(entry.beyond), entry.low.isShare,
                entry.high.isShare, entry.threshold.utf8.count <= 40
            else { return "held-out rows" }
        }
        return heldOut.count <= 16 ? nil : "held-out rows"
    }

    static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    fileprivate static func areQuantiles(_ values: [Double]) -> Bool {
        (values.isEmpty || values.count == quantileLevels.count) && values.allSatisfy(\.isFinite)
            && zip(values, values.dropFirst()).allSatisfy { $0 <= $1 }
    }
}

extension Double {
    fileprivate var isShare: Bool { (0...1).contains(self) }
}

extension GuardProfile.Column {
    fileprivate var isSound: Bool {
        guard !name.isEmpty, name.utf8.count <= 4_096, missing.isShare, GuardProfile.areQuantiles(quantiles) else {
            return false
        }
        if let levels {
            return Set(levels).count == levels.count && low == nil && high == nil && usualLow == nil
                && usualHigh == nil && quantiles.isEmpty && !isWhole
        }
        let ends = [usualLow, low, high, usualHigh]
        let known = ends.compactMap { $0 }
        guard known.count == 4 else { return known.isEmpty && quantiles.isEmpty }
        return known.allSatisfy { $0.isFinite && Float($0).isFinite }
            && zip(known, known.dropFirst()).allSatisfy { $0 <= $1 }
    }
}

extension GuardProfile {
    /// Reads the detector of the folder that the profile came from.
    /// - Throws: `notFound` where the profile has none; `malformed` for another file than the one it was made with; what
    ///   the detector's reader throws.
    public func detector(in folder: String, cancellation: Cancellation = .init()) throws -> OutlierDetector {
        let path = "\(folder)/\(Self.outliersFile)"
        guard let digest = files.outliers else {
            throw CasemateError(
                .notFound, at: folder, "the profile has no detector of odd rows",
                help: "make it again with more rows and columns that vary")
        }
        guard try FileDigest(of: path).sha256 == digest else {
            throw CasemateError(
                .malformed, at: path, "is not the file that the profile was made with",
                help: "copy the whole folder again, or make it again with `casemate guard fit`")
        }
        let detector = try OutlierDetector(path: path, cancellation: cancellation)
        guard detector.features == features.map(\.feature) else {
            throw CasemateError(
                .mismatch, at: path, "its features are not those of the profile",
                help: "make it again with `casemate guard fit`")
        }
        return detector
    }
}
