/// Distribution functions of Boost.Math as plain C functions.
///
/// Arguments outside a function's domain, and results that cannot be computed, give NaN; a result beyond
/// the range of a double gives an infinity, a probability below it 0. No function fails otherwise, keeps
/// state or allocates what it does not free; all may be called from any thread.

#ifndef CASEMATE_C_BOOST_MATH_H
#define CASEMATE_C_BOOST_MATH_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// P(X ≤ x) for a standard normal X.
double cbm_normal_cdf(double x);

/// P(X > x) for a standard normal X, exact far out in the tail.
double cbm_normal_survival(double x);

/// The x with P(X ≤ x) = p for a standard normal X; infinite for p of 0 and 1.
double cbm_normal_quantile(double p);

/// P(T ≤ t) for Student's t with `degrees` > 0 degrees of freedom, which may be infinite.
double cbm_student_t_cdf(double degrees, double t);

/// P(T > t) for Student's t.
double cbm_student_t_survival(double degrees, double t);

/// The t with P(T ≤ t) = p; infinite for p of 0 and 1.
double cbm_student_t_quantile(double degrees, double p);

/// P(X > x) for chi-square with `degrees` > 0 degrees of freedom, x ≥ 0.
double cbm_chi_squared_survival(double degrees, double x);

/// The x with P(X ≤ x) = p for chi-square; infinite for p of 1.
double cbm_chi_squared_quantile(double degrees, double p);

/// The regularised incomplete beta function: P(X ≤ x) for a beta X with a > 0, b > 0, 0 ≤ x ≤ 1.
double cbm_beta_cdf(double a, double b, double x);

/// The x with P(X ≤ x) = p for a beta X.
double cbm_beta_quantile(double a, double b, double p);

/// P(X ≤ successes) for `trials` trials that each succeed with probability `p`.
double cbm_binomial_cdf(int64_t trials, double p, int64_t successes);

/// P(X > successes) for `trials` trials that each succeed with probability `p`.
double cbm_binomial_survival(int64_t trials, double p, int64_t successes);

/// P(X = successes) for `trials` trials that each succeed with probability `p`.
double cbm_binomial_pmf(int64_t trials, double p, int64_t successes);

/// P(X = drawn) marked ones in a sample of `sample` out of `population`, of which `marked` are marked.
/// Counts that cannot occur have probability 0. For Fisher's exact test.
double cbm_hypergeometric_pmf(int64_t population, int64_t marked, int64_t sample, int64_t drawn);

#ifdef __cplusplus
}
#endif

#endif
