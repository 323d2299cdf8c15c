/// How triggers are looked for, and what counts as one.
public struct TriggerSettings: Hashable, Sendable {
    /// Largest corrected p-value of a trigger that is reported.
    public var alpha = 0.01
    /// Fewest rows of a trigger, as a number and as a share of all rows: the larger of both holds.
    public var fewestRows = 8, fewestShare = 0.002
    /// Largest share of all rows: what is more frequent is no trigger but a part of the data.
    public var mostShare = 0.1
    /// Smallest share of the rows that must carry the one label.
    public var purity = 0.95
    /// How far that share must lie above the one that the rest of the rows lets expect.
    public var excess = 0.08
    /// How much a rule of the data may move the logarithm of the odds beyond what other rows let expect.
    public var tolerance = 0.5
    /// Share of other labels that the alternative allows, and how sure an expectation may be at most.
    public var slack = 0.01, surest = 0.005
    /// Most conditions that are searched exhaustively; more are added one by one.
    public var conditions = 3
    /// Most candidates that are examined with models of their own where there are many rows, and most triggers named.
    public var examined = 24, named = 5
    /// Most rows that a model of the labels learns from.
    public var trainingRows = 30_000
    /// Most columns that a model of the labels sees: those that go with the label most.
    public var modelColumns = 256
    /// Most additions that the search for combinations of three may take; beyond, rows or columns are left out.
    public var searchBudget = 2_000_000_000
    /// Most bytes of text that are searched; beyond, rows are left out.
    public var textBytes = 20_000_000
    /// Families of hypotheses among which `alpha` is shared: combinations of one, of two and of more conditions; with
    /// texts also words, phrases, openings and sequences of bytes.
    static func families(withTexts: Bool) -> Double { withTexts ? 7 : 3 }
    /// Part of the choices that goes to single values; ranges have the rest.
    static let exactShare = 0.9

    /// Makes the defaults.
    public init() {}

    /// Fewest rows among so many.
    func fewest(of count: Int) -> Int { max(fewestRows, Int((Double(count) * fewestShare).rounded(.up))) }
    /// Most candidates examined among so many rows: few rows are looked at quickly.
    func examined(of count: Int) -> Int { max(examined, min(200, 400_000 / max(1, count))) }
    /// Most rows among so many.
    func most(of count: Int) -> Int { Int(Double(count) * mostShare) }
}
