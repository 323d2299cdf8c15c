import CasemateCore

/// Evidence against one client: for each signal a wealth that grows when the client does what honest clients seldom do.
///
/// For each signal a bettor starts with 1 and bets, row after row, that "yes" comes with `odds` times the odds that honest
/// traffic has at most. While the client is honest no strategy can expect to gain, so by Ville's inequality the chance
/// that the mean wealth ever reaches `1 / α` is at most `α`, however long the client is watched and whenever one looks.
/// Part of the wealth is held back and staked little by little, so that a client that turns after a long honest time is
/// found as well.
///
/// Source: Ramdas, Grünwald, Vovk, Shafer, "Game-theoretic statistics and safe anytime-valid inference", Statistical
/// Science, 2023 (test martingales and their mixtures); Ville, 1939. The reserve is our choice of a prior over the time
/// of change.
struct PatternEvidence: Sendable, Hashable {
    /// How many times the honest odds the bets take; a mixture, since nobody knows how bold an attacker is.
    static let odds: [Double] = [2, 4, 8, 16]
    /// Wealth is kept below this, so that it stays a number.
    private static let most = 1e100
    private var staked = [Double](repeating: 0.5, count: PatternSignal.count * odds.count)
    private var bets = [Int32](repeating: 0, count: PatternSignal.count)

    /// What is still held back after some bets.
    private static func reserve(_ bets: Int32) -> Double { 0.5 / (1 + (1 + Double(bets) / 100).logarithm) }

    /// Takes the answer to a signal's question about a new row.
    /// - Parameter honest: How often honest traffic says yes at most, in 0..<1.
    mutating func take(_ isYes: Bool, of signal: PatternSignal, honest: Double) {
        guard honest < 0.95 else { return }
        let honest = max(1e-4, honest)
        let index = signal.index
        let released = Self.reserve(bets[index]) - Self.reserve(bets[index] &+ 1)
        if bets[index] < Int32.max { bets[index] &+= 1 }
        for (place, odds) in Self.odds.enumerated() {
            let share = odds * honest / (1 - honest + odds * honest)
            let factor = isYes ? share / honest : (1 - share) / (1 - honest)
            let cell = index * Self.odds.count + place
            staked[cell] = min(Self.most, (staked[cell] + released) * factor)
        }
    }

    /// Wealth of a signal; 1 at the start.
    func wealth(of signal: PatternSignal) -> Double {
        let start = signal.index * Self.odds.count
        let sum = staked[start..<start + Self.odds.count].reduce(0, +)
        return sum / Double(Self.odds.count) + Self.reserve(bets[signal.index])
    }
    /// The mean over all signals: the one figure that an alarm is decided by.
    var wealth: Double {
        PatternSignal.allCases.reduce(0) { $0 + wealth(of: $1) } / Double(PatternSignal.count)
    }
    /// Evidence as a share of what an alarm takes at a false-alarm rate: 1 and more is an alarm.
    func score(_ rate: Double) -> Double { max(0, wealth.logarithm / -rate.logarithm) }

    /// Signals that carry at least half of the evidence of an alarm by themselves, strongest first.
    func reasons(_ rate: Double) -> [PatternSignal] {
        let least = -rate.logarithm / 2
        let strong = PatternSignal.allCases.map { (signal: $0, weight: wealth(of: $0).logarithm) }
            .filter { $0.weight >= least }
        return strong.sorted { $0.weight > $1.weight || $0.weight == $1.weight && $0.signal.index < $1.signal.index }
            .map(\.signal)
    }
}
