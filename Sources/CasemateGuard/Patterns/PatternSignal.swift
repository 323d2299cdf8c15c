/// What is looked for in the requests of one client over time. Each signal asks one yes-or-no question of each row that
/// the client has not asked before, and knows from reference rows how often honest traffic says yes.
public enum PatternSignal: String, Sendable, Hashable, Codable, CaseIterable {
    /// The row lies farther from its nearest reference rows than one in twenty of these do from each other.
    case offManifold = "off_manifold"
    /// The row breaks the correlations between columns more than one in twenty reference rows does.
    case brokenCorrelations = "broken_correlations"
    /// The values of the row do not go together: it looks more like rows with shuffled columns than nineteen in twenty
    /// reference rows do.
    case implausibleCombinations = "implausible_combinations"
    /// Taken together, the three above are stranger than for nineteen in twenty reference rows.
    case strangeRows = "strange_rows"
    /// Most columns moved by the same amount from a row that was asked before.
    case equalSteps = "equal_steps"
    /// The model is less sure than on nineteen in twenty reference rows, and not sure by any measure: the two largest
    /// probabilities are less than 0.5 apart.
    case lowMargin = "low_margin"
    /// The row is nearly, and not exactly, one of the last four that the client asked.
    case nearDuplicates = "near_duplicates"
    /// The row is nearly, and not exactly, two of the last eight that the client asked.
    case denseNeighbourhood = "dense_neighbourhood"
    /// The row differs from one that the client asked before in very few columns.
    case sweeps
    /// The row is nearly one that the client asked before, and the answer is another.
    case boundaryStraddling = "boundary_straddling"
    /// The probabilities are nearly those that the client got for another row.
    case similarPredictions = "similar_predictions"
    /// The row lies nearest to the same reference row as one that the client asked just before.
    case repeatsNearOneRecord = "repeats_near_one_record"
    /// The row is unusual and nearly one that another client asked just before, or lies one step of a search apart from it.
    case walksTogether = "walks_together"

    /// The share of such rows that an honest client may always have, whatever the reference says. It is a decision about
    /// what honest clients do and not a figure of any data: some correct a field and ask again, some ask about the same
    /// case all day, and a model is less sure of new rows than of those that it was trained on.
    var allowance: Double {
        switch self {
        case .offManifold, .brokenCorrelations, .implausibleCombinations, .strangeRows: 0.08
        case .equalSteps: 0.05
        case .lowMargin: 0.25
        case .nearDuplicates: 0.3
        case .denseNeighbourhood: 0.15
        case .sweeps: 0.1
        case .boundaryStraddling: 0.15
        case .similarPredictions: 0.25
        case .repeatsNearOneRecord: 0.3
        case .walksTogether: 0.35
        }
    }
    /// Position in arrays over all signals.
    var index: Int { Self.positions[self] ?? 0 }
    private static let positions = Dictionary(uniqueKeysWithValues: zip(allCases, 0...))
    static let count = allCases.count
}
