import CasemateCore
import Crypto
import Foundation

/// What the secret decides about inputs: for each input a sign of its own, a sign shared with inputs that are alike in a
/// column, and whether its label changes. To anybody without the secret all of it is coin tossing.
public struct WatermarkKey: Sendable {
    /// Number of signs that are shared between inputs.
    static let buckets = 256
    /// Names the key without telling it, so that a record made with another one is noticed.
    public let fingerprint: String
    /// The shared signs.
    let signs: [Float]
    let grid = InputGrid(digits: 3)
    private let key: SymmetricKey

    /// What the secret decides about one input.
    struct Mark: Hashable, Sendable {
        /// -1 or 1, of the input's own.
        let own: Float
        /// Sum of the shared signs of its values, with a standard deviation of about 1, within ±2.
        let shared: Float
        /// A number in 0..<1; the label changes where it lies below the chance for that.
        let draw: Double
        /// Chooses among several classes.
        let choice: UInt64
        /// Order in which inputs are kept in the record; equal for inputs of one cell.
        let rank: Int64
    }

    /// Derives the key of the secret's purpose `watermark`.
    public init(_ secret: GuardSecret) {
        key = secret.key(for: "watermark")
        let bits = RowDigest(HMAC<SHA256>.authenticationCode(for: Data("shared signs".utf8), using: key)).words
        signs = [bits.0, bits.1, bits.2, bits.3].flatMap { word in
            (0..<64).map { word >> UInt64($0) & 1 == 1 ? Float(1) : -1 }
        }
        let name = HMAC<SHA256>.authenticationCode(for: Data("fingerprint".utf8), using: key)
        fingerprint = Hexadecimal.text(of: Array(name).prefix(8))
    }

    /// What holds for a row over the model's features.
    func mark(_ row: ArraySlice<Float>) -> Mark {
        let words = grid.digest(row, key: key).words
        var sum: Float = 0
        for (feature, value) in row.enumerated() { sum += signs[Self.bucket(feature, value)] }
        return Mark(
            own: words.0 & 1 == 1 ? 1 : -1, shared: max(-2, min(2, sum / Float(max(1, row.count)).squareRoot())),
            draw: Double(words.1 >> 11) * 0x1p-53, choice: words.2, rank: Int64(words.3 >> 1))
    }

    /// Which shared sign a value of a feature has: values within a factor of two are alike. Known to everybody.
    @inline(__always)
    static func bucket(_ feature: Int, _ value: Float) -> Int {
        let size = value.isNaN ? 511 : value.magnitude < 1e-3 ? 0 : value.bitPattern >> 23
        var mixed = (UInt64(truncatingIfNeeded: feature) << 9 | UInt64(size)) &+ 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ mixed >> 31) & UInt64(buckets - 1))
    }
}
