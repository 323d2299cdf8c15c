/// LightGBM, opened at run time, behind a small flat C interface.
///
/// Nothing is linked: `clgb_open` opens a shared library by its path and looks up the functions of
/// LightGBM's C API that are used here.
///
/// Errors: a function that can fail returns 0 or an error code (`clgb_error`) and, when it fails,
/// writes a message that ends in NUL into `message`, cut to `capacity` bytes. `message` may be NULL
/// when `capacity` is 0. Results (`out`) are written only on success.
///
/// Ownership: what a function hands out through `out` belongs to the caller, who gives it back to the
/// free function named beside it. Free functions accept NULL. A library must outlive all that was made
/// with it, a data set the boosters that train on it. Matrices and texts are read during the call only.
///
/// Threads: prediction on one booster may be done by several threads at a time; everything else on a
/// booster or a data set by one. LightGBM keeps its number of threads per process, as its parameter
/// `num_threads` sets it.
///
/// A model text must have been made by LightGBM or checked beforehand: its loader trusts the lengths in it.

#ifndef CASEMATE_C_LIGHTGBM_H
#define CASEMATE_C_LIGHTGBM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clgb_library clgb_library;
typedef struct clgb_dataset clgb_dataset;
typedef struct clgb_booster clgb_booster;

enum clgb_error {
    CLGB_OK = 0,
    /// LightGBM refused; the message is its own.
    CLGB_ERROR_ENGINE = 1,
    /// The library cannot be opened, or is not LightGBM.
    CLGB_ERROR_LIBRARY = 100,
    CLGB_ERROR_MEMORY = 101,
    CLGB_ERROR_INVALID_ARGUMENT = 102,
};

/// What a prediction gives.
enum clgb_prediction {
    /// Values after the objective's transformation, such as probabilities.
    CLGB_PREDICT_NORMAL = 0,
    /// Sums of the trees' leaves.
    CLGB_PREDICT_RAW = 1,
    /// The index of the leaf reached in each tree.
    CLGB_PREDICT_LEAF = 2,
    /// Contributions of the features (SHAP values), and the expectation as the last column.
    CLGB_PREDICT_CONTRIBUTION = 3,
};

// MARK: - Library

/// Opens the shared library at `path`. Returns NULL on failure. Free with `clgb_close`.
///
/// What LightGBM logs is dropped, but what makes a call fail it also writes to standard error by itself.
clgb_library *clgb_open(const char *path, char *message, size_t capacity);

/// Frees the handle. The library itself stays mapped.
void clgb_close(clgb_library *library);

/// LightGBM's text on the last failure on this thread; empty when there was none. Lives until the next
/// call on this thread.
const char *clgb_last_error(const clgb_library *library);

// MARK: - Data

/// Makes a data set from a row-major matrix; NaN is a missing value. `parameters` are LightGBM's, such
/// as "max_bin=63 categorical_feature=0,3". `reference` may be NULL, or a data set whose bins are used,
/// as validation data need.
int32_t clgb_dataset_create_f32(const clgb_library *library, const float *matrix, int32_t rows, int32_t columns,
                                const char *parameters, const clgb_dataset *reference, clgb_dataset **out,
                                char *message, size_t capacity);
int32_t clgb_dataset_create_f64(const clgb_library *library, const double *matrix, int32_t rows, int32_t columns,
                                const char *parameters, const clgb_dataset *reference, clgb_dataset **out,
                                char *message, size_t capacity);
void clgb_dataset_free(const clgb_library *library, clgb_dataset *dataset);

/// Sets a field of `count` numbers, one a row: "label" or "weight".
int32_t clgb_dataset_set_f32(const clgb_library *library, clgb_dataset *dataset, const char *field, const float *values,
                             int32_t count, char *message, size_t capacity);

/// Sets a field of scores to start from, one a row (a class at a time): "init_score".
int32_t clgb_dataset_set_f64(const clgb_library *library, clgb_dataset *dataset, const char *field,
                             const double *values, int32_t count, char *message, size_t capacity);

/// Names the features, one a column.
int32_t clgb_dataset_set_names(const clgb_library *library, clgb_dataset *dataset, const char *const *names,
                               int32_t count, char *message, size_t capacity);

// MARK: - Boosters

/// Makes a booster that trains on a data set. `parameters` are LightGBM's, such as
/// "objective=binary num_leaves=31 verbosity=-1 num_threads=2 deterministic=true force_row_wise=true".
int32_t clgb_booster_create(const clgb_library *library, const clgb_dataset *dataset, const char *parameters,
                            clgb_booster **out, char *message, size_t capacity);
void clgb_booster_free(const clgb_library *library, clgb_booster *booster);

/// Trains one more iteration. `finished` tells whether no split was left to make.
int32_t clgb_booster_update(const clgb_library *library, clgb_booster *booster, bool *finished, char *message,
                            size_t capacity);

/// The number of classes: 1 for binary models and regressors.
int32_t clgb_booster_classes(const clgb_library *library, const clgb_booster *booster, int32_t *out, char *message,
                             size_t capacity);

/// The number of features that a row must have.
int32_t clgb_booster_features(const clgb_library *library, const clgb_booster *booster, int32_t *out, char *message,
                              size_t capacity);

/// The number of iterations done.
int32_t clgb_booster_iterations(const clgb_library *library, const clgb_booster *booster, int32_t *out, char *message,
                                size_t capacity);

/// The number of values that a prediction of `rows` rows gives.
int32_t clgb_booster_prediction_count(const clgb_library *library, const clgb_booster *booster, int32_t rows,
                                      int32_t prediction, int64_t *out, char *message, size_t capacity);

/// Predicts the rows of a row-major matrix into `out`, which has room for `count` values as
/// `clgb_booster_prediction_count` tells; too little room is refused. `parameters` may be empty, or
/// such as "num_threads=1".
int32_t clgb_booster_predict_f32(const clgb_library *library, const clgb_booster *booster, const float *matrix,
                                 int32_t rows, int32_t columns, int32_t prediction, const char *parameters, double *out,
                                 int64_t count, char *message, size_t capacity);
int32_t clgb_booster_predict_f64(const clgb_library *library, const clgb_booster *booster, const double *matrix,
                                 int32_t rows, int32_t columns, int32_t prediction, const char *parameters, double *out,
                                 int64_t count, char *message, size_t capacity);

/// Writes the model as a text that ends in NUL. Free with `clgb_text_free`.
int32_t clgb_booster_save(const clgb_library *library, const clgb_booster *booster, char **out, char *message,
                          size_t capacity);
void clgb_text_free(char *text);

/// Makes a booster from the text of a model.
int32_t clgb_booster_load(const clgb_library *library, const char *text, clgb_booster **out, char *message,
                          size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
