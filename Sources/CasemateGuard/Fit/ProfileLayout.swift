import CasemateCore
import CasemateData
import CasemateModels

/// The columns of a served model as its profile knows them, and how a request is read as rows of them.
struct ProfileLayout: Sendable {
    /// The features in the model's order, with the names and levels of the profile where there is one.
    let features: [Feature]
    /// What is known of each; empty without a profile.
    let columns: [GuardProfile.Column]
    /// For each feature of the profile, in its order, the position among `features`; `nil` where both orders are one.
    let order: [Int]?
    /// Columns whose values are not what `InferenceRequest.matrix` holds.
    private let readings: [Reading]

    /// Where the values of a column come from.
    fileprivate struct Reading: Sendable {
        enum Source: Sendable {
            /// Levels in another order: the index here of each level there.
            case levels([Float])
            /// Text of an input, every `stride`-th from `offset`.
            case texts(input: Int, offset: Int, stride: Int)
        }
        /// What a text stands for.
        enum Meaning: Sendable {
            /// One of the levels, with their indices.
            case level([String: Float])
            /// A number.
            case number
            /// Anything: nothing is known of the column, so that every text is as good as 0.
            case free
        }
        let feature: Int
        let source: Source
        let meaning: Meaning
    }

    /// Lays a profile over a model; without one, the model's own declaration.
    /// - Parameters:
    ///   - allowOther: Whether the profile may have been made with another model.
    ///   - place: Where the profile is named, for messages.
    /// - Throws: `mismatch` for another model, and for features that do not fit.
    init(_ profile: GuardProfile?, model: ModelDescription, allowOther: Bool, at place: String) throws(CasemateError) {
        guard let profile else {
            (features, columns, order) = (model.features, [], nil)
            readings = Self.readings(model.features, model, isKnown: false)
            return
        }
        guard profile.model.sha256 == model.sha256 || allowOther else {
            throw CasemateError(
                .mismatch, at: place,
                "the profile was made with another model ('\(profile.model.name)') than '\(model.name)' serves",
                help: "run `casemate guard fit` with the model that is served, or set `allow_other_model: true`")
        }
        let positions = try Self.positions(profile, model, at: place)
        columns = positions.map { profile.features[$0] }
        features = columns.map(\.feature)
        if positions == Array(positions.indices) {
            order = nil
        } else {
            var inverse = [Int](repeating: 0, count: positions.count)
            for (position, index) in positions.enumerated() { inverse[index] = position }
            order = inverse
        }
        readings = Self.readings(features, model, isKnown: true)
    }

    /// For each feature of the model the position in the profile: by name where both have the same names, by position
    /// where the model's are not those of the data, as in most ONNX files.
    private static func positions(
        _ profile: GuardProfile, _ model: ModelDescription, at place: String
    ) throws(CasemateError) -> [Int] {
        let names = Dictionary(uniqueKeysWithValues: profile.features.enumerated().map { ($1.name, $0) })
        let found = model.features.compactMap { names[$0.name] }
        if found.count == profile.features.count, found.count == model.features.count, Set(found).count == found.count {
            return found
        }
        guard model.features.count == profile.features.count else {
            throw CasemateError(
                .mismatch, at: place,
                "the profile has \(profile.features.count) features, the model '\(model.name)' takes "
                    + "\(model.features.count)",
                help: "run `casemate guard fit` with the model that is served and its features")
        }
        guard profile.model.sha256 == model.sha256 || found.isEmpty else {
            let unknown = model.features.first { names[$0.name] == nil }?.name ?? ""
            throw CasemateError(
                .mismatch, at: place, "the profile knows no feature '\(unknown.prefix(60))' of the other model",
                help: "run `casemate guard fit` with the model that is served")
        }
        return Array(profile.features.indices)
    }

    private static func readings(_ features: [Feature], _ model: ModelDescription, isKnown: Bool) -> [Reading] {
        let isWide = model.layout != .columns && model.inputs.first?.type == .string
        return features.enumerated().compactMap { index, feature in
            let table = feature.levels.map { levels in
                Dictionary(levels.enumerated().map { ($1, Float($0)) }, uniquingKeysWith: { first, _ in first })
            }
            let meaning = table.map { Reading.Meaning.level($0) } ?? (isKnown ? .number : .free)
            if isWide {
                let source = Reading.Source.texts(input: 0, offset: index, stride: features.count)
                return Reading(feature: index, source: source, meaning: meaning)
            }
            let own = model.features[index]
            if model.layout == .columns, let input = model.inputs.firstIndex(where: { $0.name == own.name }),
                model.inputs[input].type == .string
            {
                // why: a request knows the levels that the model declares; where these are the same, it has read them.
                if let levels = feature.levels, levels == own.levels { return nil }
                return Reading(feature: index, source: .texts(input: input, offset: 0, stride: 1), meaning: meaning)
            }
            guard let table, let there = own.levels, there != feature.levels else { return nil }
            return Reading(feature: index, source: .levels(there.map { table[$0] ?? -1 }), meaning: meaning)
        }
    }

    /// The rows of a request over `features`: NaN where a value is missing, -1 for a level that is not known. `nil` for a
    /// model without columns.
    func rows(of request: InferenceRequest) -> [Float]? {
        guard !features.isEmpty else { return nil }
        let width = features.count
        var values = request.matrix?.values ?? []
        if values.count != request.rows * width {
            guard !readings.isEmpty else { return nil }
            values = [Float](repeating: .nan, count: request.rows * width)
        }
        for unknown in request.unknownLevels where unknown.row * width + unknown.feature < values.count {
            values[unknown.row * width + unknown.feature] = -1
        }
        for reading in readings {
            switch reading.source {
            case .levels(let map):
                for row in 0..<request.rows {
                    let value = values[row * width + reading.feature]
                    guard !value.isNaN else { continue }
                    let index = Int(exactly: value) ?? -1
                    values[row * width + reading.feature] = map.indices.contains(index) ? map[index] : -1
                }
            case .texts(let input, let offset, let stride):
                guard request.inputs.indices.contains(input),
                    case .string(let texts) = request.inputs[input].tensor.storage
                else { continue }
                for row in 0..<request.rows where texts.indices.contains(row * stride + offset) {
                    values[row * width + reading.feature] = reading.value(of: texts[row * stride + offset])
                }
            }
        }
        return values
    }

    /// Values of a row in the order of the profile's features.
    func profileOrder(_ row: ArraySlice<Float>) -> [Float] {
        guard let order else { return Array(row) }
        return order.map { row[row.startIndex + $0] }
    }
}

extension ProfileLayout.Reading {
    fileprivate func value(of text: String) -> Float {
        switch meaning {
        case .free: 0
        case _ where text.isEmpty: .nan
        case .number: Float(text) ?? .infinity
        case .level(let levels): levels[text] ?? -1
        }
    }
}
