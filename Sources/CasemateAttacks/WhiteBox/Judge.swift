public import CasemateCore

/// The model as it is deployed: says which label a row gets. An attack counts only when it does.
public protocol Judge: Sendable {
    /// Element type of the model's input; rows are rounded to it before they are judged and reported.
    var deployed: DeployedType { get }
    /// The label of each of `count` rows, `[count, size]` row-major, already rounded.
    func labels(of rows: [Float], count: Int, cancellation: Cancellation) throws -> [Int32]
}

extension Judge {
    /// Plain float32.
    public var deployed: DeployedType { .float32 }
    /// The nearest values that the deployed model can be given.
    public func round(_ rows: [Float]) -> [Float] {
        deployed == .float32 ? rows : rows.map { deployed.round($0) }
    }
}

/// Element types of an input, as far as they limit the values that a row can hold.
public enum DeployedType: Hashable, Sendable {
    /// Every float32 (and float64) value.
    case float32
    /// IEEE half precision.
    case float16
    /// The upper half of a float32.
    case bfloat16
    /// Whole numbers between two bounds.
    case integer(low: Float, high: Float)

    /// The nearest value of the type.
    public func round(_ value: Float) -> Float {
        switch self {
        case .float32: value
        case .float16: Self.roundHalf(value)
        case .bfloat16: Self.roundBrain(value)
        case .integer(let low, let high): min(max(value.rounded(.toNearestOrEven), low), high)
        }
    }

    /// The value of the type that is nearest to `value` among those not further from `original` than it, so that a
    /// rounded point stays in every ball and box around an original of the type. Without one, the nearest.
    public func round(_ value: Float, toward original: Float) -> Float {
        let nearest = round(value)
        guard abs(nearest - original) > abs(value - original) else { return nearest }
        let next = neighbour(nearest, toward: original)
        let isBetween = (next - original) * (value - original) >= 0 && abs(next - original) <= abs(value - original)
        return isBetween ? next : nearest
    }

    private func neighbour(_ value: Float, toward other: Float) -> Float {
        let isUp = other > value
        switch self {
        case .float32: return isUp ? value.nextUp : value.nextDown
        case .integer: return isUp ? value + 1 : value - 1
        case .float16: return Self.step(value, isUp: isUp, digits: 10, smallest: 0x1p-24)
        case .bfloat16: return Self.step(value, isUp: isUp, digits: 7, smallest: 0x1p-133)
        }
    }

    /// The next value of a format with `digits` binary digits behind the leading one.
    private static func step(_ value: Float, isUp: Bool, digits: Int, smallest: Float) -> Float {
        let direction: Float = isUp ? 1 : -1
        guard value != 0 else { return direction * smallest }
        // why: towards zero the spacing just below a power of two is half of that above it.
        let isTowardsZero = (value > 0) != isUp
        let isPower = value.significand == 1
        let exponent = Int(value.exponent) - digits - (isTowardsZero && isPower ? 1 : 0)
        return value + direction * max(Float(sign: .plus, exponent: exponent, significand: 1), smallest)
    }

    private static func roundBrain(_ value: Float) -> Float {
        guard value.isFinite else { return value }
        let bits = value.bitPattern
        return Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000)
    }

    /// Rounds to ten binary digits (fewer below 2^-14) by adding and taking away a number whose spacing is right.
    private static func roundHalf(_ value: Float) -> Float {
        guard value.isFinite else { return value }
        let exponent = max(Int(value.exponent == Int.min ? -14 : value.exponent), -14)
        let anchor = Float(sign: .plus, exponent: exponent + 13, significand: 1.5)
        let rounded = (value + anchor) - anchor
        return abs(rounded) > 65_504 ? (value < 0 ? -.infinity : .infinity) : rounded
    }
}

/// Judges by the logits of an oracle: for models that exist only as an oracle, and for tests.
public struct OracleJudge: Judge {
    /// What answers.
    public let oracle: any GradientOracle
    /// Makes a judge.
    public init(_ oracle: any GradientOracle) { self.oracle = oracle }
    /// The class with the largest logit, the first of equal ones.
    public func labels(of rows: [Float], count: Int, cancellation: Cancellation) throws -> [Int32] {
        let logits = try oracle.logits(rows, count: count, cancellation: cancellation)
        let width = oracle.classCount
        return (0..<count).map { Logits.label(logits, $0, width) }
    }
}

/// Reads rows of logits.
enum Logits {
    /// The class with the largest logit of a row, the first of equal ones.
    static func label(_ logits: [Float], _ row: Int, _ width: Int) -> Int32 {
        var best = 0
        for index in 1..<max(1, width) where logits[row * width + index] > logits[row * width + best] { best = index }
        return Int32(truncatingIfNeeded: best)
    }
}
