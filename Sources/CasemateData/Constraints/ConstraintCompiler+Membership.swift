extension ConstraintCompiler {
    /// `value in [a, b]`: without a result as soon as the value or an element has none.
    func membership(_ term: TruthTerm) -> Read<Verdict> {
        switch term {
        case .truthIn(let term, let list):
            let (value, elements) = (truth(term), list.map(truth))
            return { row in
                let value = value(row)
                guard value != .notApplicable else { return .notApplicable }
                var isFound = false
                for element in elements {
                    let other = element(row)
                    guard other != .notApplicable else { return .notApplicable }
                    isFound = isFound || other == value
                }
                return Verdict(isFound)
            }
        case .wholeIn(let term, let list):
            let literals = list.compactMap { if case .literal(let value) = $0 { value } else { nil as Int64? } }
            if literals.count == list.count {
                let (value, set) = (whole(term), Set(literals))
                return { row in value(row).map { Verdict(set.contains($0)) } ?? .notApplicable }
            }
            return search(whole(term), list.map(whole), ==)
        case .realIn(let term, let list):
            let (value, elements) = (real(term), list.map(real))
            return { row in
                let value = value(row)
                var (isFound, isMissing) = (false, value.isNaN)
                for element in elements {
                    let other = element(row)
                    isFound = isFound || other == value
                    isMissing = isMissing || other.isNaN
                }
                return isMissing ? .notApplicable : Verdict(isFound)
            }
        case .textIn(let term, let list): return search(text(term), list.map(text), TextBytes.equal)
        default: return { _ in .notApplicable }
        }
    }

    private func search<Value>(
        _ value: @escaping Read<Value?>, _ elements: [Read<Value?>],
        _ isEqual: @escaping @Sendable (Value, Value) -> Bool
    ) -> Read<Verdict> {
        { row in
            guard let value = value(row) else { return .notApplicable }
            var isFound = false
            for element in elements {
                guard let other = element(row) else { return .notApplicable }
                isFound = isFound || isEqual(value, other)
            }
            return Verdict(isFound)
        }
    }
}
