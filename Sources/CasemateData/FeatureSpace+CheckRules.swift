extension FeatureSpace {
    /// What a row breaks of derived features, relations, the number of changes and their cost.
    func ruleViolations(of row: [Float], from original: [Float]) -> [Violation] {
        var found: [Violation] = []
        for item in derived where !isRight(item, row, original) {
            found.append(
                Violation(feature: item.feature, name: features[item.feature].name, reason: .wrongDerivedValue))
        }
        for relation in relations {
            let judge = RuleInterpreter(features, relation.rule.inputs)
            guard judge.truth(relation.rule.root, row) == false, judge.truth(relation.rule.root, original) != false
            else { continue }
            found.append(
                Violation(feature: judge.positions.first ?? -1, name: relation.name, reason: .brokenRelation))
        }
        let changes = changes(from: original, to: row)
        if let maxChanges, changes.count > maxChanges {
            found.append(Violation(feature: -1, name: "max_changes", reason: .tooManyChanges))
        }
        if let maxCost, !(changes.reduce(0) { $0 + $1.cost } <= maxCost + Self.costTolerance * maxCost) {
            found.append(Violation(feature: -1, name: "max_cost", reason: .tooCostly))
        }
        return found
    }

    private func isRight(_ item: Derived, _ row: [Float], _ original: [Float]) -> Bool {
        let judge = RuleInterpreter(features, item.expression.inputs)
        let (before, after) = (original[item.feature], row[item.feature])
        let isTouched = judge.positions.contains {
            row[$0] != original[$0] && !(row[$0].isNaN && original[$0].isNaN)
        }
        guard isTouched else { return before == after || before.isNaN && after.isNaN }
        switch judge.value(item.expression, row, levels: features[item.feature].levels) {
        case let value? where value.isFinite: return after == value
        case .some: return false
        case nil: return before.isNaN && after.isNaN
        }
    }
}

/// Works a rule out on one row by walking its terms. Shares nothing with the closures of `FeatureSpaceReader` but what
/// texts mean; slower, and there to judge what was made with them.
struct RuleInterpreter {
    let positions: [Int]
    private let texts: ConstraintCompiler

    init(_ features: [Feature], _ inputs: [Column]) {
        positions = inputs.map { input in features.firstIndex { $0.name == input.name } ?? 0 }
        texts = ConstraintCompiler(
            readers: zip(inputs, positions).map { input, position in
                ConstraintColumnReader.feature(position, features[position], input.type) ?? .unknown
            })
    }

    private func onRow<Value>(_ row: [Float], _ read: ConstraintColumnReader.Read<Value>) -> Value {
        row.withUnsafeBufferPointer {
            read(ConstraintRow(features: $0, values: UnsafeBufferPointer(start: nil, count: 0)))
        }
    }

    /// True, false, or `nil` where the rule says nothing of the row.
    func truth(_ term: TruthTerm, _ row: [Float]) -> Bool? {
        switch term {
        case .not(let term): return truth(term, row).map { !$0 }
        case .and(let terms):
            let values = terms.map { truth($0, row) }
            return values.contains(false) ? false : values.contains(nil) ? nil : true
        case .or(let terms):
            let values = terms.map { truth($0, row) }
            return values.contains(true) ? true : values.contains(nil) ? nil : false
        case .choice(let condition, let then, let otherwise):
            return truth(condition, row).flatMap { truth($0 ? then : otherwise, row) }
        case .compareReals(let relation, let left, let right): return compare(relation, left, right, row)
        case .realIn(let term, let list) where !list.isEmpty:
            return truth(.or(list.map { .compareReals(.equal, term, $0) }), row)
        default:
            switch onRow(row, texts.truth(term)) {
            case .holds: return true
            case .violated: return false
            case .notApplicable: return nil
            }
        }
    }

    private func compare(_ relation: ConstraintRelation, _ left: RealTerm, _ right: RealTerm, _ row: [Float]) -> Bool? {
        guard let left = real(left, row), let right = real(right, row) else { return nil }
        if left.value == right.value { return relation.includesEqual }
        let rounding = (left.value.magnitude + right.value.magnitude) * 0x1p-50
        let slack = left.slack + right.slack + rounding
        let difference = left.value - right.value
        if slack.isFinite, difference.magnitude <= slack { return relation.includesEqual }
        return relation.holds(left.value, right.value)
    }

    /// A number and how far the rounding of float32 may have moved it; `nil` where there is none.
    func real(_ term: RealTerm, _ row: [Float]) -> (value: Double, slack: Double)? {
        switch term {
        case .literal(let value): return value.isNaN ? nil : (value, 0)
        case .column(let column):
            let value = row[positions[column]]
            if value.isNaN { return nil }
            return (Double(value), value.truncatingRemainder(dividingBy: 1) == 0 ? 0 : Double(value.magnitude) / 0x1p23)
        case .widened(.choice(let condition, let then, let otherwise)):
            return truth(condition, row).flatMap { real(.widened($0 ? then : otherwise), row) }
        case .widened(let whole): return onRow(row, texts.whole(whole)).map { (Double($0), 0) }
        case .negate(let term): return real(term, row).map { (-$0.value, $0.slack) }
        case .choice(let condition, let then, let otherwise):
            return truth(condition, row).flatMap { real($0 ? then : otherwise, row) }
        case .arithmetic(let operation, let left, let right):
            guard let left = real(left, row), let right = real(right, row) else { return nil }
            let (value, slack): (Double, Double)
            switch operation {
            case .plus: (value, slack) = (left.value + right.value, left.slack + right.slack)
            case .minus: (value, slack) = (left.value - right.value, left.slack + right.slack)
            case .times:
                value = left.value * right.value
                slack = left.value.magnitude * right.slack + right.value.magnitude * left.slack
            case .divided:
                value = left.value / (right.value + 0)
                slack = (left.slack + value.magnitude * right.slack) / right.value.magnitude
            case .remainder: return nil
            }
            return value.isNaN ? nil : (value, slack + value.magnitude / 0x1p52)
        }
    }

    /// The value of an expression as the feature holds it; `nil` where there is none.
    func value(_ expression: ConstraintExpression, _ row: [Float], levels: [String]?) -> Float? {
        switch expression.root {
        case .real(let term): return real(term, row).map { Float($0.value) }
        case .truth(let term): return truth(term, row).map { $0 ? 1 : 0 }
        case .text(let term): return text(term, row).flatMap { levels?.firstIndex(of: $0) }.map { Float($0) }
        }
    }

    private func text(_ term: TextTerm, _ row: [Float]) -> String? {
        if case .choice(let condition, let then, let otherwise) = term {
            return truth(condition, row).flatMap { text($0 ? then : otherwise, row) }
        }
        return onRow(row, texts.text(term))
    }
}
