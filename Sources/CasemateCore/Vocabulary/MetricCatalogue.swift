/// The committed list of metric names: what a rule of the policy may name, and what it means.
///
/// Names are added, never renamed.
public enum MetricCatalogue {
    /// Units of values.
    public enum Unit: String, Sendable, Hashable {
        /// A share in 0…1.
        case share
        /// A ratio of shares; 1 is parity.
        case ratio
        /// A difference of shares.
        case difference
        /// Percentage points.
        case points = "percentage points"
        /// A whole number.
        case count
        /// A distance in the measure that the probe states.
        case distance
        /// Nats.
        case nats
        /// The unit of the target, or of its square.
        case target = "unit of the target"
        /// No unit.
        case none = "no unit"
    }
    /// A metric.
    public struct Entry: Sendable, Hashable {
        /// Name without parameter.
        public let name: String
        /// One line.
        public let meaning: String
        /// Unit of the value.
        public let unit: Unit
        /// Whether the name is followed by `@` and a distance.
        public let isAtDistance: Bool
        /// Whether there is one value a group.
        public let isGrouped: Bool

        init(_ name: String, _ unit: Unit, _ meaning: String, atDistance: Bool = false, grouped: Bool = false) {
            (self.name, self.unit, self.meaning) = (name, unit, meaning)
            (isAtDistance, isGrouped) = (atDistance, grouped)
        }
    }
    /// All metrics, probe by probe.
    public static let entries: [Entry] =
        performance + evasion + evasionActions + fairness + file + constraints + residuals + sensitivity
        + benchmarkModel + insiders
        + surrogate + membership + leafShift + randomTesting + whiteBox + exactTrees + text + impersonation
        + hiddenBranches + trainingData + dataProfile + dataConstraints + dataDuplicates + dataPayloads + dataFairness
        + dataFlips + dataRoni + dataOutliers + dataTriggers + dataSpectral + dataLabels + poisoning + provenance
    /// Their names.
    public static let names: [String] = entries.map(\.name)
    /// What people call a metric, parameter included: `ROC AUC`, `robust accuracy@0.1`.
    public static func label(_ name: String) -> String {
        let parts = name.split(separator: "@", maxSplits: 1).map(String.init)
        let plain = (parts[0].split(separator: ".").last.map(String.init) ?? name).replacing("_", with: " ")
        let label =
            switch parts[0] {
            case "performance.auc": "ROC AUC"
            case "performance.rmse", "performance.mae", "performance.r2": plain.uppercased()
            case "fairness.air": "adverse impact ratio"
            case "fairness.smd": "standardised mean difference"
            default: plain
            }
        return parts.count > 1 ? "\(label)@\(parts[1])" : label
    }
    /// The entry of a name without parameter.
    public static func entry(_ name: String) -> Entry? { entries.first { $0.name == name } }

    private static let performance = [
        Entry("performance.accuracy", .share, "share of test rows decided rightly"),
        Entry(
            "performance.auc", .share, "area under the ROC curve; for several classes the mean of one against the rest"),
        Entry("performance.log_loss", .nats, "mean negative logarithm of the probability given to the true class"),
        Entry("performance.brier", .none, "mean squared error of the probability of the positive class"),
        Entry("performance.calibration_error", .share, "expected calibration error over bins of equal width"),
        Entry("performance.precision", .share, "share of positive decisions that are right"),
        Entry("performance.true_positive_rate", .share, "share of positive rows decided positive"),
        Entry("performance.false_positive_rate", .share, "share of negative rows decided positive"),
        Entry("performance.true_positives", .count, "positive rows decided positive"),
        Entry("performance.false_positives", .count, "negative rows decided positive"),
        Entry("performance.true_negatives", .count, "negative rows decided negative"),
        Entry("performance.false_negatives", .count, "positive rows decided negative"),
        Entry("performance.rmse", .target, "root mean squared error of a regression"),
        Entry("performance.mae", .target, "mean absolute error of a regression"),
        Entry("performance.median_absolute_error", .target, "median absolute error of a regression"),
        Entry("performance.r2", .none, "share of the target's variance that a regression explains"),
    ]
    private static let evasion = [
        Entry(
            "evasion.robust_accuracy", .share, "share of attacked rows still decided rightly within the distance",
            atDistance: true, grouped: true),
        Entry(
            "evasion.attack_success_rate", .share,
            "share of rightly decided rows whose decision was flipped within the distance", atDistance: true,
            grouped: true),
        Entry(
            "evasion.clean_accuracy", .share, "share of attacked rows decided rightly before the attack", grouped: true),
        Entry("evasion.median_distance", .distance, "median of the smallest flipping distances found", grouped: true),
        Entry("evasion.mean_queries", .count, "mean number of model queries a row", grouped: true),
        Entry("evasion.queries_per_success", .count, "model queries spent for each flipped row", grouped: true),
        Entry("evasion.discarded", .count, "flips found by the search and refused by the re-check", grouped: true),
    ]
    private static let fairness =
        [
            Entry("fairness.selection_rate", .share, "share of a group decided favourably", grouped: true),
            Entry("fairness.air", .ratio, "adverse impact ratio: selection rate over the reference's", grouped: true),
            Entry(
                "fairness.smd", .none, "standardised mean difference of scores to the reference", grouped: true),
            Entry(
                "fairness.marginal_effect", .points, "selection rate of the reference minus the group's", grouped: true),
        ]
        + [
            ("tpr", "true positive rate"), ("fpr", "false positive rate"), ("fnr", "false negative rate"),
            ("ppv", "positive predictive value"),
        ].flatMap { rate, words in
            [
                Entry("fairness.\(rate)", .share, "\(words) of a group", grouped: true),
                Entry("fairness.\(rate)_difference", .difference, "\(words) minus the reference's", grouped: true),
                Entry("fairness.\(rate)_ratio", .ratio, "\(words) over the reference's", grouped: true),
            ]
        } + [
            Entry(
                "fairness.equalised_odds_difference", .difference,
                "largest difference of true or false positive rates between groups", grouped: true),
            Entry(
                "fairness.average_odds_difference", .difference,
                "mean difference of true and false positive rate to the reference", grouped: true),
        ]
    private static let file = [
        Entry("file.bytes", .count, "size of the model file"),
        Entry("file.opset", .count, "version of the standard operator set"),
        Entry("file.operators", .count, "nodes of the graph"),
        Entry("file.parameters", .count, "values held in constants"),
    ]
}
