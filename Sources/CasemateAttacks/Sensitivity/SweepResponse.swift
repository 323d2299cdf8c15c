public import CasemateCore
import CasemateData

/// What the model answers to every sampled row while one unit is swept and the rest stays: individual conditional
/// expectation (ICE) curves; their mean is the partial dependence.
///
/// Sources: Friedman, "Greedy function approximation", Annals of Statistics 2001, section 8.2 (partial dependence);
/// Goldstein, Kapelner, Bleich, Pitkin, "Peeking inside the black box", JCGS 2015 (ICE).
public struct SweepResponse: Sendable {
    /// The answers at one position.
    public struct Column: Sendable {
        /// The position.
        public let position: Float
        /// Whether it belongs to the grid; the others were added where the score steps.
        public let isBase: Bool
        /// Share of the reference rows nearest to it among the grid.
        public let weight: Double
        /// Score and decision of each row; without scores the number of the decision, without decisions no labels.
        public let scores: [Float], labels: [Int32]
    }
    /// What is swept.
    public let unit: SweepUnit
    /// Columns by ascending position.
    public internal(set) var columns: [Column]
    /// Width that holds the middle 98 % of the known values of a number.
    public let width: Double
    /// Rows, from the first, on which averages rest.
    public let profiled: Int
    /// Whether neighbouring columns still differ where the search for steps had to stop.
    public internal(set) var isCut = false

    /// Mean score of the profiled rows at each column.
    public var partialDependence: [Double] { columns.map { mean($0.scores) } }
    /// Largest minus smallest score of each profiled row.
    public var ranges: [Double] {
        (0..<profiled).map { row in
            var (low, high) = (Float.infinity, -Float.infinity)
            for column in columns { (low, high) = (min(low, column.scores[row]), max(high, column.scores[row])) }
            return columns.isEmpty ? 0 : Double(high) - Double(low)
        }
    }
    /// Scores of the profiled rows at a column, ascending.
    public func sortedScores(at column: Int) -> [Double] {
        columns[column].scores.prefix(profiled).map(Double.init).sorted()
    }

    private func mean(_ scores: [Float]) -> Double {
        guard profiled > 0 else { return .nan }
        return scores.prefix(profiled).reduce(0.0) { $0 + Double($1) } / Double(profiled)
    }
}

/// How far a unit moves the score.
public struct Swing: Hashable, Sendable {
    /// Index of the response.
    public let response: Int
    /// Largest minus smallest partial dependence, and its percentile bootstrap interval (95 %) over rows.
    public let value: Double, interval: Interval?
    /// Mean, median and largest of the rows' own ranges.
    public let meanRange: Double, medianRange: Double, largestRange: Double
    /// Percentile bootstrap interval (95 %) of the mean range.
    public let rangeInterval: Interval?

    init(_ response: SweepResponse, index: Int, replicates: Int, seed: UInt64) {
        self.response = index
        let means = response.partialDependence
        value = response.columns.isEmpty ? 0 : (means.max() ?? 0) - (means.min() ?? 0)
        let ranges = response.ranges
        let sorted = ranges.sorted()
        meanRange = ranges.isEmpty ? .nan : ranges.reduce(0, +) / Double(ranges.count)
        medianRange = Bootstrap.quantile(sorted, 0.5)
        largestRange = sorted.last ?? .nan
        let intervals = Bootstrap.intervals(
            strata: [Array(0..<response.profiled)], replicates: replicates, seed: seed, count: 2
        ) { rows in
            var counts = [Float](repeating: 0, count: response.profiled)
            for row in rows { counts[row] += 1 }
            var (low, high) = (Float.infinity, -Float.infinity)
            for column in response.columns {
                var sum: Float = 0
                for (count, score) in zip(counts, column.scores) { sum += count * score }
                (low, high) = (min(low, sum), max(high, sum))
            }
            let mean = rows.reduce(0) { $0 + ranges[$1] } / Double(rows.count)
            return [response.columns.isEmpty ? 0 : Double(high - low) / Double(rows.count), mean]
        }
        (interval, rangeInterval) = (intervals[0], intervals[1])
    }
}

extension SensitivitySession {
    /// Answers of all rows at the given positions of each unit, in one go.
    func columns(
        of wanted: [(unit: SweepUnit, positions: [Float])]
    ) throws -> [[(position: Float, scores: [Float], labels: [Int32])]] {
        let rows = count
        var places: [(entry: Int, index: Int)] = []
        for (entry, want) in wanted.enumerated() {
            for index in want.positions.indices { places.append((entry, index)) }
        }
        var scores = [Float](repeating: 0, count: places.count * rows)
        var labels = [Int32](repeating: 0, count: hasDecisions ? places.count * rows : 0)
        try ask(count: places.count * rows) {
            $0 % rows
        } fill: { index, row in
            let place = places[index / rows]
            wanted[place.entry].unit.put(wanted[place.entry].positions[place.index], into: row)
        } take: { index, score, label in
            scores[index] = score
            if let label, !labels.isEmpty { labels[index] = label }
        }
        var result = wanted.map { _ in [(position: Float, scores: [Float], labels: [Int32])]() }
        for (place, (entry, index)) in places.enumerated() {
            let range = place * rows..<(place + 1) * rows
            result[entry].append(
                (wanted[entry].positions[index], Array(scores[range]), labels.isEmpty ? [] : Array(labels[range])))
        }
        return result
    }

    /// Sweeps each unit over its grid.
    func responses(over grids: [SweepGrid]) throws -> [SweepResponse] {
        let answers = try columns(of: grids.map { ($0.unit, $0.positions) })
        return zip(grids, answers).map { grid, columns in
            SweepResponse(
                unit: grid.unit,
                columns: zip(columns, grid.weights).map { column, weight in
                    SweepResponse.Column(
                        position: column.position, isBase: true, weight: weight, scores: column.scores,
                        labels: column.labels)
                }, width: grid.width, profiled: problem.profiled)
        }
    }
}
