// Distribution functions of Boost.Math behind the interface of CBoostMath.h.

#include "CBoostMath.h"

#if !__has_include(<boost/math/distributions/normal.hpp>)
#error "the headers of Boost.Math are missing: run 'make setup', or install libboost-dev"
#endif

#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/hypergeometric.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace {

namespace math = boost::math;
namespace policies = boost::math::policies;

/// Errors give NaN or an infinity, never an exception; double stays double.
using Quiet =
    policies::policy<policies::domain_error<policies::ignore_error>, policies::pole_error<policies::ignore_error>,
                     policies::overflow_error<policies::ignore_error>,
                     policies::underflow_error<policies::ignore_error>, policies::denorm_error<policies::ignore_error>,
                     policies::rounding_error<policies::ignore_error>,
                     policies::evaluation_error<policies::ignore_error>,
                     policies::indeterminate_result_error<policies::ignore_error>, policies::promote_double<false>>;

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

/// The value of a computation, or NaN for one that throws all the same, as for want of memory.
template <typename Computation> double guarded(Computation computation) noexcept {
    try {
        return computation();
    } catch (...) {
        return undefined;
    }
}

bool probability(double p) { return p >= 0 && p <= 1; }

bool trial(int64_t trials, double p, int64_t successes) {
    return trials >= 0 && probability(p) && successes >= 0 && successes <= trials;
}

/// P(X = k) for a binomial X with real parameters.
double binomial(double n, double p, double k) { return math::pdf(math::binomial_distribution<double, Quiet>(n, p), k); }

} // namespace

double cbm_normal_cdf(double x) {
    if (std::isnan(x)) return undefined;
    return guarded([=] { return math::cdf(math::normal_distribution<double, Quiet>(), x); });
}

double cbm_normal_survival(double x) {
    if (std::isnan(x)) return undefined;
    return guarded([=] { return math::cdf(math::complement(math::normal_distribution<double, Quiet>(), x)); });
}

double cbm_normal_quantile(double p) {
    if (!probability(p)) return undefined;
    if (p == 0 || p == 1) return p == 0 ? -HUGE_VAL : HUGE_VAL;
    return guarded([=] { return math::quantile(math::normal_distribution<double, Quiet>(), p); });
}

double cbm_student_t_cdf(double degrees, double t) {
    if (!(degrees > 0) || std::isnan(t)) return undefined;
    return guarded([=] { return math::cdf(math::students_t_distribution<double, Quiet>(degrees), t); });
}

double cbm_student_t_survival(double degrees, double t) {
    if (!(degrees > 0) || std::isnan(t)) return undefined;
    return guarded(
        [=] { return math::cdf(math::complement(math::students_t_distribution<double, Quiet>(degrees), t)); });
}

double cbm_student_t_quantile(double degrees, double p) {
    if (!(degrees > 0) || !probability(p)) return undefined;
    if (p == 0 || p == 1) return p == 0 ? -HUGE_VAL : HUGE_VAL;
    return guarded([=] { return math::quantile(math::students_t_distribution<double, Quiet>(degrees), p); });
}

double cbm_chi_squared_survival(double degrees, double x) {
    if (!(degrees > 0) || std::isinf(degrees) || !(x >= 0)) return undefined;
    if (std::isinf(x)) return 0;
    return guarded(
        [=] { return math::cdf(math::complement(math::chi_squared_distribution<double, Quiet>(degrees), x)); });
}

double cbm_chi_squared_quantile(double degrees, double p) {
    if (!(degrees > 0) || std::isinf(degrees) || !probability(p)) return undefined;
    if (p == 1) return HUGE_VAL;
    return guarded([=] { return math::quantile(math::chi_squared_distribution<double, Quiet>(degrees), p); });
}

double cbm_beta_cdf(double a, double b, double x) {
    if (!(a > 0) || !(b > 0) || !probability(x)) return undefined;
    return guarded([=] { return math::cdf(math::beta_distribution<double, Quiet>(a, b), x); });
}

double cbm_beta_quantile(double a, double b, double p) {
    if (!(a > 0) || !(b > 0) || !probability(p)) return undefined;
    return guarded([=] { return math::quantile(math::beta_distribution<double, Quiet>(a, b), p); });
}

double cbm_binomial_cdf(int64_t trials, double p, int64_t successes) {
    if (!trial(trials, p, successes)) return undefined;
    if (successes == trials) return 1;
    return guarded(
        [=] { return math::cdf(math::binomial_distribution<double, Quiet>(double(trials), p), double(successes)); });
}

double cbm_binomial_survival(int64_t trials, double p, int64_t successes) {
    if (!trial(trials, p, successes)) return undefined;
    if (successes == trials) return 0;
    return guarded([=] {
        return math::cdf(
            math::complement(math::binomial_distribution<double, Quiet>(double(trials), p), double(successes)));
    });
}

double cbm_binomial_pmf(int64_t trials, double p, int64_t successes) {
    if (!trial(trials, p, successes)) return undefined;
    return guarded([=] { return binomial(double(trials), p, double(successes)); });
}

double cbm_hypergeometric_pmf(int64_t population, int64_t marked, int64_t sample, int64_t drawn) {
    if (population < 0 || marked < 0 || sample < 0 || marked > population || sample > population) return undefined;
    if (drawn < std::max<int64_t>(0, sample - (population - marked)) || drawn > std::min(sample, marked)) return 0;
    // Boost takes 32-bit counts; larger ones go through binomial probabilities.
    if (population <= std::numeric_limits<int32_t>::max())
        return guarded([=] {
            const math::hypergeometric_distribution<double, Quiet> distribution(
                static_cast<unsigned>(marked), static_cast<unsigned>(sample), static_cast<unsigned>(population));
            return math::pdf(distribution, static_cast<unsigned>(drawn));
        });
    // Of two independent binomial counts with the same p, the first given their sum.
    return guarded([=] {
        const double all = double(population), hits = double(marked), size = double(sample), found = double(drawn);
        const double p = size / all;
        return binomial(hits, p, found) * binomial(all - hits, p, size - found) / binomial(all, p, size);
    });
}
