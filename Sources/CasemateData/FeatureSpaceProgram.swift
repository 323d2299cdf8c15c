/// What a feature space works out once: closures for derived features and relations, and which features move by
/// themselves.
final class FeatureSpaceProgram: Sendable {
    /// A derived feature.
    struct Step: Sendable {
        let feature: Int
        /// Features that it is computed from, derived ones included.
        let inputs: [Int]
        /// Its value; NaN where it has none.
        let value: FeatureSpaceReader.Read<Double>
    }
    /// A relation.
    struct Check: Sendable {
        let verdict: FeatureSpaceReader.Read<ConstraintRule.Verdict>
        /// Comparisons of numbers anywhere in it.
        let atoms: [Atom]
        /// Features that it depends on and that are not derived.
        let sources: [Int]
        /// Whether it is nothing but comparisons joined by `&&`.
        let isConjunction: Bool
    }
    /// A comparison `left relation right`.
    struct Atom: Sendable {
        let relation: ConstraintRelation
        /// Left minus right, with what rounding may have done to it.
        let difference: FeatureSpaceReader.Read<Rounded>
        /// The same as a sum, where it is one.
        let linear: LinearForm?
    }
    /// One a feature.
    let plain: [FeatureSpacePlainRule]
    /// Features that count by themselves: neither members of a group nor derived.
    let singles: [Int]
    /// Group of each feature, -1 for none.
    let groupOf: [Int]
    /// In an order in which each stands behind what it needs.
    let steps: [Step]
    /// One a relation.
    let checks: [Check]

    init(
        features: [Feature], rules: [FeatureSpace.Rule], oneHotGroups: [[Int]], derived: [FeatureSpace.Derived],
        relations: [FeatureSpace.Relation]
    ) {
        plain = rules.map { FeatureSpacePlainRule($0) }
        var groupOf = [Int](repeating: -1, count: features.count)
        for (group, members) in oneHotGroups.enumerated() { for member in members { groupOf[member] = group } }
        self.groupOf = groupOf
        let isDerived = Set(derived.map(\.feature))
        singles = features.indices.filter { groupOf[$0] < 0 && !isDerived.contains($0) }
        var positions: [String: Int] = [:]
        for (index, feature) in features.enumerated() where positions[feature.name] == nil {
            positions[feature.name] = index
        }
        func indices(_ columns: [String]) -> [Int] { columns.compactMap { positions[$0] } }
        var forms: [Int: LinearForm] = [:]
        var sources: [Int: Set<Int>] = [:]
        func roots(_ inputs: [Int]) -> Set<Int> {
            inputs.reduce(into: []) { $0.formUnion(sources[$1] ?? [$1]) }
        }
        steps = derived.map { item in
            let inputs = indices(item.expression.columns)
            let reader = FeatureSpaceReader(features: features, inputs: item.expression.inputs)
            if case .real(let term) = item.expression.root {
                forms[item.feature] = LinearForm(term, inputs: inputs, derived: forms, isDerived: isDerived)
            }
            sources[item.feature] = roots(inputs)
            return Step(
                feature: item.feature, inputs: inputs, value: reader.value(item.expression, features[item.feature]))
        }
        checks = relations.map { relation in
            let inputs = indices(relation.rule.columns)
            let reader = FeatureSpaceReader(features: features, inputs: relation.rule.inputs)
            let comparisons = relation.rule.root.comparisons
            return Check(
                verdict: reader.truth(relation.rule.root),
                atoms: comparisons.found.map { item in
                    let difference = RealTerm.arithmetic(.minus, item.left, item.right)
                    return Atom(
                        relation: item.relation, difference: reader.real(difference),
                        linear: LinearForm(difference, inputs: inputs, derived: forms, isDerived: isDerived))
                }, sources: roots(inputs).sorted(), isConjunction: comparisons.isConjunction)
        }
    }
}

/// A number computed from float32 values, and how far their rounding may have moved it.
struct Rounded: Sendable {
    var value: Double
    var error: Double

    /// How far two numbers may lie apart and still count as equal.
    @inline(__always)
    static func band(_ left: Rounded, _ right: Rounded) -> Double {
        let band = left.error + right.error + 0x1p-50 * (left.value.magnitude + right.value.magnitude)
        return band.isFinite ? band : 0
    }
}

/// A sum `coefficients · features + constant`.
struct LinearForm: Hashable, Sendable {
    /// Features with a coefficient other than 0, ascending.
    private(set) var features: [Int] = []
    private(set) var coefficients: [Double] = []
    private(set) var constant = 0.0

    /// A term as a sum over features that are not derived; `nil` where it is none.
    init?(_ term: RealTerm, inputs: [Int], derived: [Int: LinearForm], isDerived: Set<Int>) {
        guard let sum = Self.sum(term, inputs, derived, isDerived), sum.constant.isFinite,
            sum.terms.values.allSatisfy(\.isFinite)
        else { return nil }
        for (feature, coefficient) in sum.terms.sorted(by: { $0.key < $1.key }) where coefficient != 0 {
            features.append(feature)
            coefficients.append(coefficient)
        }
        constant = sum.constant
    }

    private typealias Sum = (terms: [Int: Double], constant: Double)

    private static func sum(
        _ term: RealTerm, _ inputs: [Int], _ derived: [Int: LinearForm], _ isDerived: Set<Int>
    ) -> Sum? {
        switch term {
        case .literal(let value): return ([:], value)
        case .column(let column):
            let feature = inputs[column]
            guard isDerived.contains(feature) else { return ([feature: 1], 0) }
            guard let form = derived[feature] else { return nil }
            return (
                Dictionary(zip(form.features, form.coefficients), uniquingKeysWith: { first, _ in first }),
                form.constant
            )
        case .widened(.literal(let value)): return ([:], Double(value))
        case .negate(let inner): return sum(inner, inputs, derived, isDerived).map { scaled($0, by: -1) }
        case .arithmetic(let operation, let left, let right):
            guard let left = sum(left, inputs, derived, isDerived), let right = sum(right, inputs, derived, isDerived)
            else { return nil }
            switch operation {
            case .plus: return added(left, right)
            case .minus: return added(left, scaled(right, by: -1))
            case .times:
                if right.terms.isEmpty { return scaled(left, by: right.constant) }
                return left.terms.isEmpty ? scaled(right, by: left.constant) : nil
            case .divided: return right.terms.isEmpty ? scaled(left, by: 1 / right.constant) : nil
            case .remainder: return nil
            }
        case .widened, .choice: return nil
        }
    }
    private static func scaled(_ sum: Sum, by factor: Double) -> Sum {
        (sum.terms.mapValues { $0 * factor }, sum.constant * factor)
    }
    private static func added(_ one: Sum, _ other: Sum) -> Sum {
        (one.terms.merging(other.terms) { $0 + $1 }, one.constant + other.constant)
    }
}

extension TruthTerm {
    /// Comparisons of numbers anywhere in the condition, and whether it is nothing but those joined by `&&`.
    var comparisons: (found: [(relation: ConstraintRelation, left: RealTerm, right: RealTerm)], isConjunction: Bool) {
        switch self {
        case .compareReals(let relation, let left, let right): return ([(relation, left, right)], true)
        case .and(let terms):
            let parts = terms.map(\.comparisons)
            return (parts.flatMap(\.found), parts.allSatisfy(\.isConjunction))
        case .or(let terms): return (terms.flatMap(\.comparisons.found), false)
        case .not(let term): return (term.comparisons.found, false)
        case .choice(let condition, let then, let otherwise):
            return ([condition, then, otherwise].flatMap(\.comparisons.found), false)
        case .realIn(let term, let list): return (list.map { (.equal, term, $0) }, false)
        default: return ([], false)
        }
    }
}
