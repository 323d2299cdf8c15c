public import CasemateCore

/// A model that is trained anew on poisoned data. One file, one catalogue line.
public protocol PoisoningVictim: Sendable {
    /// Stable name on the command line.
    static var identifier: String { get }
    /// What it can learn from.
    static var media: [PoisoningMedium] { get }
    /// Whether another seed gives another model.
    static var isSeeded: Bool { get }
    /// Settings that results depend on, by name.
    var settings: [String: String] { get }
    /// Trains on one thread; called from several at a time.
    func fit(
        _ data: PoisoningData, classes: Int, seed: UInt64, cancellation: Cancellation
    ) throws -> any FittedVictim
}

/// A trained victim.
public protocol FittedVictim {
    /// Scores of every class, `[count, classes]`; the highest decides.
    func scores(_ samples: PoisoningData) throws -> [Double]
}

extension PoisoningVictim {
    /// Its name and settings in one line: `boosting: leaves 31, rounds 100`.
    public var described: String {
        let all = settings.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        return all.isEmpty ? Self.identifier : "\(Self.identifier): \(all)"
    }
}
