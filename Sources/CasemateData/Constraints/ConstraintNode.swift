import CasemateCore

/// An expression as it was written: names and types are not looked at yet.
struct ConstraintNode {
    indirect enum Kind {
        case whole(Int64), real(Double), text(String), truth(Bool), null
        case column(String)
        /// A name that is not `row`.
        case name(String)
        case not(ConstraintNode), negate(ConstraintNode)
        case and([ConstraintNode]), or([ConstraintNode])
        case compare(ConstraintRelation, ConstraintNode, ConstraintNode)
        case contains(ConstraintNode, in: ConstraintNode)
        case arithmetic(ConstraintArithmetic, ConstraintNode, ConstraintNode)
        case choice(ConstraintNode, then: ConstraintNode, otherwise: ConstraintNode)
        case list([ConstraintNode])
        /// A function; for the form `x.f(y)` the first argument is `x`.
        case call(ConstraintFunction, [ConstraintNode])
    }
    let kind: Kind
    /// Code points before its first sign; for an operator, before the operator.
    let offset: Int
    /// Levels of terms in it.
    let depth: Int

    /// The most levels of terms.
    static let depthLimit = 100

    init(_ kind: Kind, at offset: Int) throws(ConstraintFault) {
        (self.kind, self.offset) = (kind, offset)
        let deepest =
            switch kind {
            case .whole, .real, .text, .truth, .null, .column, .name: 0
            case .not(let node), .negate(let node): node.depth
            case .and(let nodes), .or(let nodes), .list(let nodes), .call(_, let nodes): nodes.map(\.depth).max() ?? 0
            case .compare(_, let left, let right), .contains(let left, let right), .arithmetic(_, let left, let right):
                max(left.depth, right.depth)
            case .choice(let condition, let then, let otherwise): max(condition.depth, then.depth, otherwise.depth)
            }
        depth = deepest + 1
        guard depth <= Self.depthLimit else {
            throw ConstraintFault(
                .limitExceeded, at: offset, "has more than \(Self.depthLimit) levels of terms",
                help: "split it into several rules")
        }
    }
}

/// Comparisons.
enum ConstraintRelation: String, Hashable, Sendable {
    case less = "<", lessOrEqual = "<=", greater = ">", greaterOrEqual = ">=", equal = "==", notEqual = "!="

    /// Whether it holds for equal values.
    var includesEqual: Bool { self == .lessOrEqual || self == .greaterOrEqual || self == .equal }
    /// The relation with its sides exchanged.
    var mirrored: ConstraintRelation {
        switch self {
        case .less: .greater
        case .lessOrEqual: .greaterOrEqual
        case .greater: .less
        case .greaterOrEqual: .lessOrEqual
        case .equal, .notEqual: self
        }
    }
    @inline(__always) func holds<Value: Comparable>(_ left: Value, _ right: Value) -> Bool {
        switch self {
        case .less: left < right
        case .lessOrEqual: left <= right
        case .greater: left > right
        case .greaterOrEqual: left >= right
        case .equal: left == right
        case .notEqual: left != right
        }
    }
}

/// Operations on numbers; `+` also joins texts.
enum ConstraintArithmetic: String, Hashable, Sendable {
    case plus = "+", minus = "-", times = "*", divided = "/", remainder = "%"
}

/// Functions that are served.
enum ConstraintFunction: String, Hashable, Sendable, CaseIterable {
    case size, startsWith, endsWith, contains, matches, has, timestamp, date, double

    /// Whether it may be written `f(x)`, and whether `x.f()`.
    var isGlobal: Bool { self != .startsWith && self != .endsWith && self != .contains }
    /// Whether it may be written `x.f(…)`.
    var isMember: Bool {
        switch self {
        case .size, .startsWith, .endsWith, .contains, .matches: true
        case .has, .timestamp, .date, .double: false
        }
    }
    /// Number of arguments, a target included.
    var arguments: Int {
        switch self {
        case .startsWith, .endsWith, .contains, .matches: 2
        case .size, .has, .timestamp, .date, .double: 1
        }
    }
    /// How it is written, for messages.
    var form: String {
        switch self {
        case .size: "size(row.column)"
        case .startsWith, .endsWith, .contains: "row.column.\(rawValue)(\"text\")"
        case .matches: "row.column.matches(\"pattern\")"
        case .has: "has(row.column)"
        case .timestamp: "timestamp(\"2024-02-29T12:00:00Z\")"
        case .date: "date(\"2024-02-29\")"
        case .double: "double(row.column)"
        }
    }
}
