import CasemateCore
import CasemateData

/// The questions of one run of equation solving, with their answers.
struct EquationSession {
    private(set) var unknowns: EquationUnknowns
    let oracle: any QueryOracle
    let access: ExtractionAccess
    let context: RunContext
    private var rows: [Float] = []
    private var decisions: [Int32] = []
    private var scores: [Double] = []
    /// Position of the answer that stands for the base, and for each unknown.
    private var baseAnswer = 0
    private var unknownAnswers: [Int] = []

    init(unknowns: EquationUnknowns, oracle: any QueryOracle, access: ExtractionAccess, context: RunContext) {
        (self.unknowns, self.oracle, self.access, self.context) = (unknowns, oracle, access, context)
    }

    private var form: AnswerForm { oracle.form }
    private var width: Int { form.featureCount }
    private var columns: Int {
        form.scores == .probabilities ? ScoreLink.columns(form.decisions) : form.outputs
    }
    /// Smallest probability that an answer can tell from 0.
    private var floor: Double { access.unit > 0 ? access.unit / 2 : 1e-30 }
    /// Answers nearer than this to 0 or 1 have lost too many digits.
    private var narrow: Double { max(1e-3, 4 * access.unit) }
    /// Rows asked about so far.
    var asked: Int { rows.count / max(width, 1) }
    /// What was answered, as the attacker saw it.
    var answers: QueryAnswers { QueryAnswers(decisions: decisions, scores: scores) }

    /// Asks about rows; returns the positions of the answers.
    private mutating func ask(_ questions: [[Float]]) throws -> [Int] {
        let first = asked
        for start in stride(from: 0, to: questions.count, by: 4_096) {
            try context.cancellation.check()
            let part = questions[start..<min(start + 4_096, questions.count)]
            let flat = part.flatMap { $0 }
            let answer = try oracle.answer(flat, count: part.count)
            rows += flat
            decisions += answer.decisions
            scores += access.view(answer.scores)
        }
        return Array(first..<asked)
    }

    /// Smallest probability in an answer; 0.5 for values, which never lose digits.
    private func margin(_ answer: Int) -> Double {
        guard form.scores == .probabilities else { return 0.5 }
        return scores[answer * form.outputs..<(answer + 1) * form.outputs].min() ?? 0
    }
    /// Logits or values of an answer.
    private func targets(_ answer: Int) -> [Double] {
        let own = Array(scores[answer * form.outputs..<(answer + 1) * form.outputs])
        return form.scores == .probabilities
            ? ScoreLink.logits(own, classes: form.decisions, floor: floor) : own
    }

    /// Asks about the base row; where its answer is near 0 or 1, takes the numbers of a real row that is less decided,
    /// and when all are, of a row on the way between two that are decided differently.
    mutating func settleBase(candidates: FeatureMatrix) throws {
        baseAnswer = try ask([unknowns.base])[0]
        let enough = max(0.02, narrow)
        guard margin(baseAnswer) < enough, candidates.count > 0 else { return }
        var tried = [(unknowns, baseAnswer)]
        let others = (0..<min(30, candidates.count)).map { unknowns.around(candidates[row: $0]) }
        tried += zip(others, try ask(others.map(\.base)))
        (unknowns, baseAnswer) = tried.max { margin($0.1) < margin($1.1) } ?? tried[0]
        guard margin(baseAnswer) < enough, columns == 1,
            var low = tried.first(where: { targets($0.1)[0] < 0 })?.0,
            var high = tried.first(where: { targets($0.1)[0] > 0 })?.0
        else { return }
        for _ in 0..<40 where margin(baseAnswer) < enough {
            let middle = low.mixed(with: high, share: 0.5)
            let answer = try ask([middle.base])[0]
            if targets(answer)[0] < 0 { low = middle } else { high = middle }
            if margin(answer) > margin(baseAnswer) { (unknowns, baseAnswer) = (middle, answer) }
        }
    }

    /// One question for each unknown; numbers whose answer lost its digits are asked again with smaller steps.
    mutating func askEach() throws {
        var steps = unknowns.steps
        func question(_ unknown: EquationUnknowns.Unknown) -> [Float] {
            var row = unknowns.row(with: unknown)
            if case .number(let feature) = unknown { row[feature] = unknowns.moved(feature, by: steps[feature]) }
            return row
        }
        unknownAnswers = try ask(unknowns.unknowns.map(question))
        for _ in 0..<8 {
            var again: [(place: Int, row: [Float])] = []
            for (place, unknown) in unknowns.unknowns.enumerated() {
                guard case .number(let feature) = unknown, margin(unknownAnswers[place]) < narrow else { continue }
                let before = rows[unknownAnswers[place] * width + feature]
                steps[feature] = smaller(steps[feature], place)
                let row = question(unknown)
                if row[feature] != before { again.append((place, row)) }
            }
            if again.isEmpty { return }
            for (index, position) in try ask(again.map(\.row)).enumerated() {
                unknownAnswers[again[index].place] = position
            }
        }
    }

    /// A step that should move the logit by about 2, as far as the answer before tells.
    private func smaller(_ step: Double, _ place: Int) -> Double {
        let change = zip(targets(unknownAnswers[place]), targets(baseAnswer)).map { abs($0 - $1) }.max() ?? 0
        return step * min(0.25, max(2 / max(change, 1), 1e-3))
    }

    /// Weights as quotients of differences: the equations of `askEach` solved exactly.
    func differences() -> LinearCopy {
        let base = targets(baseAnswer)
        var weights = [[Double]](repeating: [Double](repeating: 0, count: unknowns.unknowns.count), count: columns)
        for (place, unknown) in unknowns.unknowns.enumerated() {
            let answer = unknownAnswers[place]
            var step = 1.0
            if case .number(let feature) = unknown {
                step = Double(rows[answer * width + feature]) - Double(unknowns.base[feature])
            }
            guard step != 0 else { continue }
            for (column, target) in targets(answer).enumerated() {
                weights[column][place] = (target - base[column]) / step
            }
        }
        return LinearCopy(unknowns: unknowns, form: form, base: base, weights: weights)
    }

    /// Asks `equations - 1` more questions for each unknown, steered by a first guess so that logits lie between 1 and
    /// 2.5 on either side: there rounding costs least. What has no step of its own is moved by another number.
    mutating func askMore(equations: Int, guess: LinearCopy) throws {
        let numbers = unknowns.unknowns.indices.filter {
            if case .number = unknowns.unknowns[$0] { true } else { false }
        }
        // why: least squares hold one row of factors for each equation.
        let bound = 4_000_000 / ((unknowns.unknowns.count + 1) * (unknowns.unknowns.count + 1))
        for round in 1..<max(1, min(equations, bound)) {
            let questions = unknowns.unknowns.indices.map { place in
                var generator = SeededGenerator(
                    seed: context.seed, stream: 0x65_71_00_00_00_00 &+ UInt64(place) << 20 &+ UInt64(round))
                return steered(place, numbers, guess, isUp: round.isMultiple(of: 2), &generator)
            }
            _ = try ask(questions)
        }
    }

    private func steered(
        _ place: Int, _ numbers: [Int], _ guess: LinearCopy, isUp: Bool, _ generator: inout SeededGenerator
    ) -> [Float] {
        var row = unknowns.row(with: unknowns.unknowns[place])
        let height = 1 + 1.5 * generator.uniformDouble()
        let pick = Int(generator.uniformDouble() * Double(numbers.count))
        let mover = numbers.contains(place) ? place : numbers.isEmpty ? nil : numbers[pick]
        guard let mover, case .number(let feature) = unknowns.unknowns[mover] else { return row }
        if form.scores == .values {
            let reach = (unknowns.ranges[feature].upperBound - unknowns.ranges[feature].lowerBound) * height / 4
            row[feature] = unknowns.moved(feature, by: isUp ? reach : -reach)
            return row
        }
        // why the largest: with several classes it is the first to leave the range.
        let column = (0..<columns).max { abs(guess.weights[$0][mover]) < abs(guess.weights[$1][mover]) } ?? 0
        let own = mover == place ? 0 : guess.weights[column][place]
        let now = guess.base[column] + own
        let weight = guess.weights[column][mover]
        let room = unknowns.ranges[feature].upperBound - unknowns.ranges[feature].lowerBound
        var step = ((isUp ? height : -height) - now) / weight
        if !step.isFinite || abs(step) > room {
            step = (step < 0 ? -room : room) * (0.4 + 0.6 * generator.uniformDouble())
        }
        row[feature] = unknowns.moved(feature, by: step)
        return row
    }

    /// All equations at once, each weighted by how well its answer tells the logit.
    func leastSquares() throws -> LinearCopy {
        let count = unknowns.unknowns.count
        let scales = unknowns.unknowns.map { unknown -> Double in
            if case .number(let feature) = unknown { max(unknowns.steps[feature], 1e-30) } else { 1 }
        }
        let factors = (0..<asked).map { unknowns.factors(rows[$0 * width..<($0 + 1) * width]) }
        let logits = (0..<asked).map { targets($0) }
        var (base, weights) = ([Double](), [[Double]]())
        for column in 0..<columns {
            var system = [Double](repeating: 0, count: asked * (count + 1))
            var right = [Double](repeating: 0, count: asked)
            for row in 0..<asked {
                let weight = trust(row, column)
                for (place, factor) in factors[row] {
                    system[row * (count + 1) + place] = factor / scales[place] * weight
                }
                system[row * (count + 1) + count] = weight
                right[row] = logits[row][column] * weight
            }
            let solved = try LeastSquares().solve(
                rows: system, width: count + 1, targets: right, cancellation: context.cancellation)
            base.append(solved[count])
            weights.append(zip(solved, scales).map { $0 / $1 })
        }
        return LinearCopy(unknowns: unknowns, form: form, base: base, weights: weights)
    }

    /// An error of a rounded probability p becomes one of 1/(p·(1 − p)) in the logit; answers that were rounded to 0 or
    /// 1 tell nothing.
    private func trust(_ row: Int, _ column: Int) -> Double {
        guard form.scores == .probabilities else { return 1 }
        let own = Array(scores[row * form.outputs..<(row + 1) * form.outputs])
        let p = own[columns == 1 ? 1 : column]
        let spread = columns == 1 ? p * (1 - p) : min(p * (1 - p), own.min() ?? 0)
        return spread <= floor ? 0 : spread
    }
}
