import CBoostMath
import Foundation

/// Distribution functions, from Boost.Math.
public enum Distributions {
    /// The number below which a standard normal variable lies with probability `p`, 0 < p < 1; NaN outside.
    public static func normalQuantile(_ p: Double) -> Double { cbm_normal_quantile(p) }
    /// The probability that a standard normal variable lies below `x`.
    public static func normalCDF(_ x: Double) -> Double { cbm_normal_cdf(x) }
    /// The quantile of Student's t with the given degrees of freedom; NaN outside the domain.
    public static func studentQuantile(_ p: Double, degrees: Double) -> Double { cbm_student_t_quantile(degrees, p) }
    /// The probability that Student's t lies above `t`.
    public static func studentSurvival(_ t: Double, degrees: Double) -> Double { cbm_student_t_survival(degrees, t) }
    /// The quantile of a beta variable; NaN outside the domain.
    public static func betaQuantile(_ p: Double, alpha: Double, beta: Double) -> Double {
        cbm_beta_quantile(alpha, beta, p)
    }
    /// The probability that a chi-square variable lies above `x`; NaN outside the domain.
    public static func chiSquaredSurvival(_ x: Double, degrees: Double) -> Double {
        cbm_chi_squared_survival(degrees, x)
    }
    /// The probability that the limit of Kolmogorov's statistic, `√n D`, lies above `x`.
    ///
    /// Source: Marsaglia, Tsang, Wang, "Evaluating Kolmogorov's distribution", 2003, both series.
    public static func kolmogorovSurvival(_ x: Double) -> Double {
        guard x > 0 else { return 1 }
        guard x > 1.18 else {
            let scale = -Double.pi * Double.pi / (8 * x * x)
            var sum = 0.0
            for k in stride(from: 1.0, through: 13, by: 2) { sum += (k * k * scale).exponential }
            return max(0, 1 - (2 * Double.pi).squareRoot() / x * sum)
        }
        var sum = 0.0
        for k in 1...10 {
            let term: Double = 2 * (-2 * Double(k * k) * x * x).exponential
            sum += k % 2 == 1 ? term : -term
        }
        return sum
    }
    /// Probability of `successes` marked ones among `draws` from `population` that holds `marked` marked ones.
    public static func hypergeometric(successes: Int, draws: Int, marked: Int, population: Int) -> Double {
        guard successes >= 0, draws >= 0, marked >= 0, population >= 0 else { return .nan }
        return cbm_hypergeometric_pmf(Int64(population), Int64(marked), Int64(draws), Int64(successes))
    }
}

extension Double {
    /// Natural logarithm.
    package var logarithm: Double { Foundation.log(self) }
    /// e to this power.
    package var exponential: Double { Foundation.exp(self) }
}
