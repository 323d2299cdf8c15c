public import CasemateCore

/// Decision trees whose leaves are added up: one flat array of nodes for all trees, checked once, walked without
/// recursion.
///
/// The nodes of a tree lie together, its root first, and both children of a node lie behind it in the same tree. So a
/// walk always ends. Two nodes may share a child, as converters write tests for a set of values.
/// Source of the semantics: ai.onnx.ml operators TreeEnsembleClassifier and TreeEnsembleRegressor (versions 1 and 3)
/// and TreeEnsemble (version 5); where the specification is vague, ONNX Runtime's kernels.
public struct TreeEnsemble: Hashable, Sendable {
    /// How a node compares the value of its column with its threshold; `leaf` ends a walk.
    ///
    /// `member` holds where the value, cut to a whole number, is in the node's set: categorical splits. NaN, a value
    /// below 0 and one beyond the set are no members.
    public enum Mode: UInt8, Hashable, Sendable, CaseIterable {
        case lessOrEqual, less, greaterOrEqual, greater, equal, notEqual, leaf, member
    }
    /// A node: a comparison, or a leaf.
    public struct Node: Hashable, Sendable {
        /// Column of the trees' input that is compared; 0 for a leaf.
        public var column: Int32
        /// What the value is compared with. A float64 threshold is rounded so that no float32 value changes sides.
        /// 0 for `member`.
        public var threshold: Float
        /// Index into the ensemble's `sets` for `member`, 0 otherwise.
        public var set: Int32
        /// Indices of the next node where the comparison holds and where not; 0 for a leaf.
        public var whenTrue: Int32, whenFalse: Int32
        /// The comparison.
        public var mode: Mode
        /// Whether a missing value (NaN) goes on as if the comparison held; otherwise the comparison decides.
        public var isMissingTrue: Bool
        /// Makes a comparison.
        public init(
            column: Int32, mode: Mode, threshold: Float, whenTrue: Int32, whenFalse: Int32, isMissingTrue: Bool,
            set: Int32 = 0
        ) {
            (self.column, self.mode, self.threshold, self.set) = (column, mode, threshold, set)
            (self.whenTrue, self.whenFalse, self.isMissingTrue) = (whenTrue, whenFalse, isMissingTrue)
        }
        /// A leaf.
        public static let leaf = Node(
            column: 0, mode: .leaf, threshold: 0, whenTrue: 0, whenFalse: 0, isMissingTrue: false)
    }
    /// What a leaf adds to one output.
    public struct Weight: Hashable, Sendable {
        /// Target or class.
        public let output: Int32
        /// Amount.
        public let value: Double
        /// Makes a weight.
        public init(output: Int32, value: Double) { (self.output, self.value) = (output, value) }
    }
    /// How the leaves of all trees become one number an output.
    public enum Aggregate: String, Hashable, Sendable, CaseIterable { case sum, average, minimum, maximum }
    /// What is done to the numbers at the end.
    ///
    /// `exponential` is eˣ, `softplus` ln(1 + eˣ), `step` 1 above 0 and else 0, `signedSquare` x·|x|.
    public enum Transform: String, Hashable, Sendable, CaseIterable {
        case none, softmax, logistic, softmaxZero, probit, exponential, softplus, step, signedSquare
    }
    /// Whose rules make answers of sums.
    public enum Convention: String, Hashable, Sendable, CaseIterable {
        /// ONNX Runtime's: base values come last, one target is not transformed, two classes are read by what weights
        /// there are.
        case onnxRuntime
        /// The boosting libraries': sums begin at the base values and the transform always holds. Two classes have one
        /// output, the margin of class 1: the label is 1 where it is above 0. Of several the first largest wins.
        case boosting
    }
    /// What the numbers mean and how they are made.
    public struct Form: Hashable, Sendable {
        /// Number of targets or classes; 1 for two classes by the convention `boosting`.
        public var outputs: Int
        /// Names of the classes, `outputs` of them, or two for one output by the convention `boosting`; empty for a
        /// regression.
        public var classes: [String] = []
        /// How leaves are joined.
        public var aggregate = Aggregate.sum
        /// What is done at the end.
        public var transform = Transform.none
        /// Whose rules hold.
        public var convention = Convention.onnxRuntime
        /// What the logistic transform multiplies its argument by; above 0.
        public var slope = 1.0
        /// Added to each output; empty, or one an output. A classifier of two classes may have a single one.
        public var base: [Double] = []
        /// Whether sums are float64; otherwise each addition is rounded to float32, as engines do.
        public var isDouble = false
        /// Makes a form.
        public init(outputs: Int) { self.outputs = outputs }
    }

    /// The nodes of all trees.
    public let nodes: [Node]
    /// Index of each tree's root, ascending; the first is 0.
    public let roots: [Int32]
    /// Weights of all leaves; those of node `n` are `weights[weightStart[n]..<weightStart[n + 1]]`.
    public let weights: [Weight]
    /// Where the weights of each node begin, with the end behind the last: `nodes.count + 1` numbers.
    public let weightStart: [Int32]
    /// The sets that `member` nodes test: number `n` is a member where bit `n % 32` of word `n / 32` is set.
    public let sets: [[UInt32]]
    /// What the numbers mean.
    public let form: Form
    /// Columns that a row must have at least.
    public let width: Int

    /// Most nodes of an ensemble.
    static let mostNodes = 1 << 27

    /// Checks and keeps the parts.
    /// - Parameters:
    ///   - nodes: All nodes, tree after tree.
    ///   - roots: Index of each root, ascending from 0.
    ///   - weights: Weights of each node; empty for all but leaves.
    ///   - sets: Sets of `member` nodes.
    ///   - form: What the numbers mean.
    ///   - place: File or node, for messages.
    /// - Throws: `malformed` for children that lie before their parent or in another tree, columns, outputs or sets that
    ///   do not exist, and counts that do not fit; `limitExceeded`.
    public init(
        nodes: [Node], roots: [Int32], weights: [[Weight]], sets: [[UInt32]] = [], form: Form, at place: String
    ) throws(CasemateError) {
        var starts: [Int32] = [0]
        starts.reserveCapacity(weights.count + 1)
        for list in weights { starts.append(starts[starts.count - 1] + Int32(clamping: list.count)) }
        try self.init(
            nodes: nodes, roots: roots, weights: Array(weights.joined()), weightStart: starts, sets: sets, form: form,
            at: place)
    }

    /// The same with the weights of all nodes in one list, `weightStart` saying where those of each begin.
    init(
        nodes: [Node], roots: [Int32], weights: [Weight], weightStart: [Int32], sets: [[UInt32]], form: Form,
        at place: String
    ) throws(CasemateError) {
        guard nodes.count <= Self.mostNodes, form.outputs <= 1 << 16 else {
            throw CasemateError(
                .limitExceeded, at: place, "\(nodes.count) nodes and \(form.outputs) outputs",
                help: "no usual model needs this: check where the file is from")
        }
        let isRising = zip(roots, roots.dropFirst()).allSatisfy { $0 < $1 }
        guard roots.first == 0, isRising, Int(roots.last ?? 0) < nodes.count, weightStart.count == nodes.count + 1,
            Int(weightStart.last ?? 0) == weights.count
        else { throw Self.malformed("the trees' roots do not fit \(nodes.count) nodes", place) }
        try Self.check(form, place)
        let isKnown = weights.allSatisfy { $0.output >= 0 && $0.output < form.outputs && !$0.value.isNaN }
        guard isKnown else {
            throw Self.malformed("a leaf has a weight for an output that is not there, or one that is no number", place)
        }
        width = try Self.width(nodes, roots, sets: sets.count, place)
        (self.nodes, self.roots, self.form, self.sets) = (nodes, roots, form, sets)
        (self.weights, self.weightStart) = (weights, weightStart)
    }

    private static func malformed(_ what: String, _ place: String) -> CasemateError {
        CasemateError(.malformed, at: place, what, help: "export the model again")
    }

    private static func check(_ form: Form, _ place: String) throws(CasemateError) {
        let isPair = form.convention == .boosting && form.outputs == 1 && form.classes.count == 2
        guard form.outputs > 0, form.classes.isEmpty || form.classes.count == form.outputs || isPair else {
            throw malformed("\(form.classes.count) classes for \(form.outputs) outputs", place)
        }
        let isLast = form.convention == .onnxRuntime && form.base.count == 1 && form.classes.count == 2
        let hasBase = form.base.isEmpty || form.base.count == form.outputs || isLast
        guard hasBase, form.base.allSatisfy(\.isFinite), form.slope > 0, form.slope.isFinite else {
            throw malformed(
                "\(form.base.count) base values for \(form.outputs) outputs, or one that is no number", place)
        }
    }

    /// Checks that each tree leads forward within itself; the columns that a row must have.
    private static func width(
        _ nodes: [Node], _ roots: [Int32], sets: Int, _ place: String
    ) throws(CasemateError) -> Int {
        var width: Int32 = 0
        for (tree, root) in roots.enumerated() {
            let end = tree + 1 < roots.count ? roots[tree + 1] : Int32(nodes.count)
            for index in root..<end {
                let node = nodes[Int(index)]
                if node.mode == .leaf { continue }
                let isForward = node.whenTrue > index && node.whenTrue < end
                guard isForward, node.whenFalse > index, node.whenFalse < end, (0..<1 << 24).contains(node.column)
                else {
                    throw malformed(
                        "node \(index - root) of tree \(tree) leads out of its tree, back, or nowhere", place)
                }
                guard node.mode != .member || (0..<Int32(clamping: sets)).contains(node.set) else {
                    throw malformed("node \(index - root) of tree \(tree) tests a set that is not there", place)
                }
                width = max(width, node.column + 1)
            }
        }
        return Int(width)
    }

    /// The same trees with another meaning.
    /// - Throws: `malformed` when it does not fit.
    func with(_ form: Form, at place: String) throws(CasemateError) -> TreeEnsemble {
        try TreeEnsemble(
            nodes: nodes, roots: roots, weights: weights, weightStart: weightStart, sets: sets, form: form, at: place)
    }

    /// Number of trees.
    public var trees: Int { roots.count }
    /// Number of leaves of all trees.
    public var leafCount: Int { nodes.count { $0.mode == .leaf } }
    /// Indices of a tree's nodes.
    public func range(ofTree tree: Int) -> Range<Int> {
        Int(roots[tree])..<(tree + 1 < roots.count ? Int(roots[tree + 1]) : nodes.count)
    }
    /// What a leaf adds.
    public func weights(ofNode node: Int) -> ArraySlice<Weight> {
        weights[Int(weightStart[node])..<Int(weightStart[node + 1])]
    }
}
