/// A formula without negations.
indirect enum VnnFormula {
    /// A linear inequality.
    case atom(VnnInequality)
    /// All hold; true when there are none.
    case all([VnnFormula])
    /// One holds; false when there are none.
    case any([VnnFormula])

    /// Always and never.
    static var always: VnnFormula { .all([]) }
    static var never: VnnFormula { .any([]) }
}

/// A linear term: a constant and variables with factors, each once and in order when it was added up.
struct VnnTerm {
    var constant = 0.0
    var parts: [VnnInequality.Term] = []

    /// The term's value where it has no variables.
    var value: Double? { parts.isEmpty ? constant : nil }

    /// Every factor and the constant times `factor`.
    func scaled(by factor: Double) -> VnnTerm {
        VnnTerm(
            constant: constant * factor,
            parts: parts.map { VnnInequality.Term($0.variable, $0.coefficient * factor) })
    }

    /// Adds another term, times 1 or -1.
    mutating func add(_ other: VnnTerm, times factor: Double = 1) {
        constant += factor * other.constant
        for part in other.parts {
            parts.append(VnnInequality.Term(part.variable, factor * part.coefficient))
        }
    }

    /// Joins the parts of one variable and drops those of factor 0.
    mutating func collect() {
        if parts.count == 2, parts[0].variable < parts[1].variable { return }
        parts.sort { $0.variable < $1.variable }
        var joined: [VnnInequality.Term] = []
        for part in parts {
            if let last = joined.last, last.variable == part.variable {
                joined[joined.count - 1] = VnnInequality.Term(part.variable, last.coefficient + part.coefficient)
            } else {
                joined.append(part)
            }
        }
        parts = joined.filter { $0.coefficient != 0 }
    }

    /// Whether all numbers are finite.
    var isFinite: Bool { constant.isFinite && parts.allSatisfy { $0.coefficient.isFinite } }
}
