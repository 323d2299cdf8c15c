public import CasemateCore
public import CasemateData
public import CasemateModels
import Synchronization

/// Training data under examination: the rows, what they are compared with, what their columns mean, and the engines.
///
/// What SQL can say runs on `train`; what needs numbers runs on `rows(context:)`, a sample where there are very many.
/// Rows are counted from 0.
public struct DataSubject: Sendable {
    /// What columns mean. Whatever is none of these is a feature or, with words, a text.
    public struct Roles: Hashable, Sendable {
        /// Column of labels.
        public var target: String?
        /// The outcome that people want, as the data spell it; decides which error is one of integrity.
        public var favourable: String?
        /// Columns that say where a row came from, and when.
        public var source: String?, time: String?
        /// Columns that name a row, and columns that are left out.
        public var identifiers: [String] = [], ignored: [String] = []
        /// Protected attributes; they are features here, unless they are ignored too.
        public var protected: [String] = []
        /// Nothing is declared.
        public init() {}
    }
    /// The classes of the target and the class of every row.
    public struct Labels: Hashable, Sendable {
        /// Names of the classes: numbers ascending, texts by code point.
        public let classes: [String]
        /// Class of each row, -1 where it is missing or no known class.
        public let values: [Int32]
        /// The favourable class, where one was named.
        public let favourable: Int?
        /// Makes labels.
        public init(classes: [String], values: [Int32], favourable: Int? = nil) {
            (self.classes, self.values, self.favourable) = (classes, values, favourable)
        }
    }
    /// Name in sentences and fingerprints: the file name.
    public let name: String
    /// The training data; `nil` for pictures and other arrays.
    public let train: DataTable?
    /// Data that are known to be good, such as those of an earlier period; also the trusted pool.
    public let reference: DataTable?
    /// Test data.
    public let test: DataTable?
    /// What columns mean.
    public let roles: Roles
    /// Columns that are features, over all tables.
    public let features: [Feature]
    /// Columns that hold free text.
    public let texts: [String]
    /// Labels of every training row; `nil` without a target, with a number as target, or with a single class.
    public let labels: Labels?
    /// Labels of every row of the reference and of the test data, with the classes of `labels`.
    public let referenceLabels: [Int32]?, testLabels: [Int32]?
    /// Number of training rows.
    public let count: Int
    /// Samples of pictures or arrays in place of `train`.
    public let samples: SampleSet?
    /// A model trained on these data, and the release before it.
    public let model: TableModel?, previous: TableModel?
    /// Declared rules that every row keeps.
    public let constraints: [ConstraintRule]
    /// LightGBM and ONNX Runtime, for checks that train; `nil` where not installed.
    public let boosting: LightGBM?, runtime: OnnxRuntime?
    /// What was noticed while the data were opened, a sentence each.
    public let notes: [String]
    private let shared: SharedRows

    /// Makes a subject of what `DataOpening` found.
    package init(
        name: String, train: DataTable?, reference: DataTable? = nil, test: DataTable? = nil, roles: Roles,
        features: [Feature], texts: [String] = [], labels: Labels?, referenceLabels: [Int32]? = nil,
        testLabels: [Int32]? = nil, count: Int, samples: SampleSet? = nil, model: TableModel? = nil,
        previous: TableModel? = nil, constraints: [ConstraintRule] = [], boosting: LightGBM? = nil,
        runtime: OnnxRuntime? = nil, notes: [String] = []
    ) {
        (self.name, self.train, self.reference, self.test) = (name, train, reference, test)
        (self.roles, self.features, self.texts, self.labels) = (roles, features, texts, labels)
        (self.referenceLabels, self.testLabels, self.count) = (referenceLabels, testLabels, count)
        (self.samples, self.model, self.previous, self.constraints) = (samples, model, previous, constraints)
        (self.boosting, self.runtime, self.notes) = (boosting, runtime, notes)
        shared = SharedRows()
    }

    /// Most rows that checks on numbers look at; more are sampled by the seed.
    public static let rowLimit = 200_000

    /// The training rows as numbers: all, or a sample of `rowLimit` by the seed. Read once, whoever asks first.
    /// - Throws: what reading throws; `Cancelled`.
    public func rows(context: RunContext) throws -> DataRows {
        try shared.get("train") {
            try DataRows(train, samples, features, labels: labels?.values, count: count, seed: context.seed)
        }
    }

    /// The rows of the reference as numbers; `nil` without a reference.
    public func referenceRows(context: RunContext) throws -> DataRows? {
        guard let reference else { return nil }
        return try shared.get("reference") {
            try DataRows(
                reference, nil, features, labels: referenceLabels, count: reference.count, seed: context.seed)
        }
    }

    /// The rows of the test data as numbers; `nil` without test data.
    public func testRows(context: RunContext) throws -> DataRows? {
        guard let test else { return nil }
        return try shared.get("test") {
            try DataRows(test, nil, features, labels: testLabels, count: test.count, seed: context.seed)
        }
    }
}

/// Rows that several checks want, read once.
private final class SharedRows: Sendable {
    private let known = Mutex<[String: DataRows]>([:])

    func get(_ name: String, _ read: () throws -> DataRows) throws -> DataRows {
        if let rows = known.withLock({ $0[name] }) { return rows }
        let rows = try read()
        known.withLock { $0[name] = rows }
        return rows
    }
}
