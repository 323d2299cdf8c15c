package import CasemateCore
import Foundation

/// Distance from the centre of the bulk of the rows, in units of their scatter.
///
/// The squared distance of a row is `dᵀ P d` with `d` its difference from the location and `P` the inverse scatter.
package struct RobustMahalanobis: Hashable, Sendable {
    /// How centre and scatter are estimated.
    package struct Settings: Hashable, Sendable {
        /// Share of the rows whose scatter has the least determinant, in 0.5…1; 1 takes mean and covariance of all;
        /// `nil` is `(count + width + 1) / 2` rows, rounded up, which withstands the most.
        package var support: Double?
        /// What is added to every variance, so that columns that are constant or sums of others do no harm.
        package var ridge: Double
        /// Random starts on a part of the rows, and rows of that part.
        package var starts = 60, startRows = 1_500
        /// Makes settings.
        package init(support: Double? = 0.75, ridge: Double = 0.01) { (self.support, self.ridge) = (support, ridge) }
    }
    /// Centre of the bulk, `[width]`.
    package let location: [Double]
    /// Inverse scatter, `[width, width]`.
    package let precision: [Double]
    /// Number of columns.
    package var width: Int { location.count }

    init(location: [Double], precision: [Double]) { (self.location, self.precision) = (location, precision) }

    /// Estimates location and scatter by the minimum covariance determinant, reweighted.
    ///
    /// Source: Rousseeuw and Van Driessen, "A fast algorithm for the minimum covariance determinant estimator",
    /// Technometrics, 1999; consistency factors of Croux and Haesbroeck, 1999; the ridge as in Boudt, Rousseeuw,
    /// Vanduffel, Verdonck, "The minimum regularized covariance determinant estimator", 2020, with a fixed weight.
    /// - Parameter rows: `[count, width]`, finite, at least 2 rows.
    /// - Throws: `unusableData` when the scatter is singular (without a ridge); `Cancelled`.
    package init(_ rows: [Float], width: Int, settings: Settings = .init(), context: RunContext) throws {
        var search = MinimumCovariance(rows, width: width, settings: settings, context: context)
        let (location, covariance) = try search.estimate()
        guard
            let inverse = try SymmetricMatrix.inverse(
                covariance, size: width, check: context.cancellation.check)
        else { throw Self.singular }
        self.init(location: location, precision: inverse.inverse)
    }

    static var singular: CasemateError {
        CasemateError(
            .unusableData, at: "rows", "the scatter of the columns is singular",
            help: "set a ridge above 0, or leave out columns that are constant or sums of others")
    }

    /// The squared distance of a point.
    func squaredDistance(_ point: UnsafePointer<Float>, _ room: UnsafeMutablePointer<Double>) -> Double {
        weigh(point, room)
        var sum = 0.0
        for row in 0..<width { sum += room[row] * (Double(point[row]) - location[row]) }
        return max(0, sum)
    }

    /// Writes `P d` to `room`, `[width]`.
    private func weigh(_ point: UnsafePointer<Float>, _ room: UnsafeMutablePointer<Double>) {
        let size = width
        for row in 0..<size { room[row] = 0 }
        precision.withUnsafeBufferPointer { precision in
            for row in 0..<size {
                let gap = Double(point[row]) - location[row]
                // why by rows: the matrix is symmetric, so that each row is read as a column, one after the other.
                for column in 0..<size { room[column] += gap * precision[row * size + column] }
            }
        }
    }

    /// Writes to `parts`, one a column, its squared residual given the others in units of its variance given them.
    func write(parts: UnsafeMutablePointer<Double>, of point: UnsafePointer<Float>) {
        weigh(point, parts)
        for row in 0..<width { parts[row] = parts[row] * parts[row] / max(precision[row * width + row], 1e-12) }
    }

    /// Squared distances of rows `[count, width]`.
    package func squaredDistances(_ rows: [Float]) -> [Double] {
        var room = [Double](repeating: 0, count: width)
        return rows.withUnsafeBufferPointer { rows in
            guard let base = rows.baseAddress, width > 0 else { return [] }
            return (0..<rows.count / width).map { squaredDistance(base + $0 * width, &room) }
        }
    }
}
