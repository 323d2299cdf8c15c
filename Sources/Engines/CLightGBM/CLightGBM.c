// LightGBM behind the interface of CLightGBM.h.

#include "CLightGBM.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Element types, as LightGBM numbers them.
enum { type_f32 = 0, type_f64 = 1 };

/// The functions used here: result, name, parameters.
// clang-format off
#define FUNCTIONS(entry)                                                                                            \
    entry(const char *, GetLastError, (void))                                                                       \
    entry(int, RegisterLogCallback, (void (*callback)(const char *)))                                               \
    entry(int, DatasetCreateFromMat,                                                                                \
          (const void *matrix, int type, int32_t rows, int32_t columns, int row_major, const char *parameters,      \
           const clgb_dataset *reference, clgb_dataset **out))                                                      \
    entry(int, DatasetFree, (clgb_dataset *dataset))                                                                \
    entry(int, DatasetSetField, (clgb_dataset *dataset, const char *field, const void *values, int count, int type))\
    entry(int, DatasetSetFeatureNames, (clgb_dataset *dataset, const char **names, int count))                      \
    entry(int, BoosterCreate, (const clgb_dataset *dataset, const char *parameters, clgb_booster **out))            \
    entry(int, BoosterFree, (clgb_booster *booster))                                                                \
    entry(int, BoosterUpdateOneIter, (clgb_booster *booster, int *finished))                                        \
    entry(int, BoosterGetNumClasses, (const clgb_booster *booster, int *out))                                       \
    entry(int, BoosterGetNumFeature, (const clgb_booster *booster, int *out))                                       \
    entry(int, BoosterGetCurrentIteration, (const clgb_booster *booster, int *out))                                 \
    entry(int, BoosterCalcNumPredict,                                                                               \
          (const clgb_booster *booster, int rows, int prediction, int start, int count, int64_t *out))              \
    entry(int, BoosterPredictForMat,                                                                                \
          (const clgb_booster *booster, const void *matrix, int type, int32_t rows, int32_t columns,                \
           int row_major, int prediction, int start, int count, const char *parameters, int64_t *length,            \
           double *out))                                                                                            \
    entry(int, BoosterSaveModelToString,                                                                            \
          (const clgb_booster *booster, int start, int count, int importance, int64_t capacity,                     \
           int64_t *length, char *out))                                                                             \
    entry(int, BoosterLoadModelFromString, (const char *text, int *iterations, clgb_booster **out))
// clang-format on

#define MEMBER(result, name, parameters) result(*name) parameters;
struct clgb_library {
    FUNCTIONS(MEMBER)
};

// MARK: - Errors

static int32_t fail(int32_t code, const char *text, char *message, size_t capacity) {
    if (message != NULL && capacity > 0) snprintf(message, capacity, "%s", text);
    return code;
}

/// Turns LightGBM's result into a code and a message.
static int32_t check(const clgb_library *library, int result, char *message, size_t capacity) {
    return result == 0 ? CLGB_OK : fail(CLGB_ERROR_ENGINE, clgb_last_error(library), message, capacity);
}

// MARK: - Library

static void log_nothing(const char *text) { (void)text; }

/// Keeps LightGBM from writing to standard output. It holds that setting for each thread.
static void silence(const clgb_library *library) { library->RegisterLogCallback(log_nothing); }

clgb_library *clgb_open(const char *path, char *message, size_t capacity) {
    // Never closed: the run time of OpenMP that it brings does not survive that.
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        const char *reason = dlerror();
        fail(CLGB_ERROR_LIBRARY, reason != NULL ? reason : "the library cannot be opened", message, capacity);
        return NULL;
    }
    clgb_library *library = calloc(1, sizeof *library);
    if (library == NULL) {
        fail(CLGB_ERROR_MEMORY, "no memory left", message, capacity);
        return NULL;
    }
#define LOOK_UP(result, name, parameters)                                                                              \
    library->name = (result(*) parameters)(uintptr_t)dlsym(handle, "LGBM_" #name);                                     \
    if (library->name == NULL) {                                                                                       \
        if (message != NULL && capacity > 0)                                                                           \
            snprintf(message, capacity, "%s is not a LightGBM that can be used: it lacks LGBM_" #name, path);          \
        free(library);                                                                                                 \
        return NULL;                                                                                                   \
    }
    FUNCTIONS(LOOK_UP)
    return library;
}

void clgb_close(clgb_library *library) { free(library); }

const char *clgb_last_error(const clgb_library *library) {
    const char *text = library->GetLastError();
    return text == NULL || strcmp(text, "Everything is fine") == 0 ? "" : text;
}

// MARK: - Data

static int32_t dataset_create(const clgb_library *library, const void *matrix, int type, int32_t rows, int32_t columns,
                              const char *parameters, const clgb_dataset *reference, clgb_dataset **out, char *message,
                              size_t capacity) {
    if (rows <= 0 || columns <= 0)
        return fail(CLGB_ERROR_INVALID_ARGUMENT, "a data set needs rows and columns", message, capacity);
    silence(library);
    return check(library, library->DatasetCreateFromMat(matrix, type, rows, columns, 1, parameters, reference, out),
                 message, capacity);
}

int32_t clgb_dataset_create_f32(const clgb_library *library, const float *matrix, int32_t rows, int32_t columns,
                                const char *parameters, const clgb_dataset *reference, clgb_dataset **out,
                                char *message, size_t capacity) {
    return dataset_create(library, matrix, type_f32, rows, columns, parameters, reference, out, message, capacity);
}

int32_t clgb_dataset_create_f64(const clgb_library *library, const double *matrix, int32_t rows, int32_t columns,
                                const char *parameters, const clgb_dataset *reference, clgb_dataset **out,
                                char *message, size_t capacity) {
    return dataset_create(library, matrix, type_f64, rows, columns, parameters, reference, out, message, capacity);
}

void clgb_dataset_free(const clgb_library *library, clgb_dataset *dataset) {
    if (dataset != NULL) library->DatasetFree(dataset);
}

int32_t clgb_dataset_set_f32(const clgb_library *library, clgb_dataset *dataset, const char *field, const float *values,
                             int32_t count, char *message, size_t capacity) {
    return check(library, library->DatasetSetField(dataset, field, values, count, type_f32), message, capacity);
}

int32_t clgb_dataset_set_f64(const clgb_library *library, clgb_dataset *dataset, const char *field,
                             const double *values, int32_t count, char *message, size_t capacity) {
    return check(library, library->DatasetSetField(dataset, field, values, count, type_f64), message, capacity);
}

int32_t clgb_dataset_set_names(const clgb_library *library, clgb_dataset *dataset, const char *const *names,
                               int32_t count, char *message, size_t capacity) {
    // LightGBM takes the names without `const`, but only reads them.
    return check(library, library->DatasetSetFeatureNames(dataset, (const char **)(uintptr_t)names, count), message,
                 capacity);
}

// MARK: - Boosters

int32_t clgb_booster_create(const clgb_library *library, const clgb_dataset *dataset, const char *parameters,
                            clgb_booster **out, char *message, size_t capacity) {
    silence(library);
    return check(library, library->BoosterCreate(dataset, parameters, out), message, capacity);
}

void clgb_booster_free(const clgb_library *library, clgb_booster *booster) {
    if (booster != NULL) library->BoosterFree(booster);
}

int32_t clgb_booster_update(const clgb_library *library, clgb_booster *booster, bool *finished, char *message,
                            size_t capacity) {
    int result = 0;
    silence(library);
    int32_t code = check(library, library->BoosterUpdateOneIter(booster, &result), message, capacity);
    if (code == CLGB_OK) *finished = result != 0;
    return code;
}

int32_t clgb_booster_classes(const clgb_library *library, const clgb_booster *booster, int32_t *out, char *message,
                             size_t capacity) {
    return check(library, library->BoosterGetNumClasses(booster, out), message, capacity);
}

int32_t clgb_booster_features(const clgb_library *library, const clgb_booster *booster, int32_t *out, char *message,
                              size_t capacity) {
    return check(library, library->BoosterGetNumFeature(booster, out), message, capacity);
}

int32_t clgb_booster_iterations(const clgb_library *library, const clgb_booster *booster, int32_t *out, char *message,
                                size_t capacity) {
    return check(library, library->BoosterGetCurrentIteration(booster, out), message, capacity);
}

int32_t clgb_booster_prediction_count(const clgb_library *library, const clgb_booster *booster, int32_t rows,
                                      int32_t prediction, int64_t *out, char *message, size_t capacity) {
    return check(library, library->BoosterCalcNumPredict(booster, rows, prediction, 0, -1, out), message, capacity);
}

static int32_t predict(const clgb_library *library, const clgb_booster *booster, const void *matrix, int type,
                       int32_t rows, int32_t columns, int32_t prediction, const char *parameters, double *out,
                       int64_t count, char *message, size_t capacity) {
    int64_t needed = 0;
    int32_t code = clgb_booster_prediction_count(library, booster, rows, prediction, &needed, message, capacity);
    if (code != CLGB_OK) return code;
    if (needed > count)
        return fail(CLGB_ERROR_INVALID_ARGUMENT, "there is too little room for the predictions", message, capacity);
    if (rows == 0) return CLGB_OK;
    silence(library);
    int64_t length = 0;
    return check(library,
                 library->BoosterPredictForMat(booster, matrix, type, rows, columns, 1, prediction, 0, -1, parameters,
                                               &length, out),
                 message, capacity);
}

int32_t clgb_booster_predict_f32(const clgb_library *library, const clgb_booster *booster, const float *matrix,
                                 int32_t rows, int32_t columns, int32_t prediction, const char *parameters, double *out,
                                 int64_t count, char *message, size_t capacity) {
    return predict(library, booster, matrix, type_f32, rows, columns, prediction, parameters, out, count, message,
                   capacity);
}

int32_t clgb_booster_predict_f64(const clgb_library *library, const clgb_booster *booster, const double *matrix,
                                 int32_t rows, int32_t columns, int32_t prediction, const char *parameters, double *out,
                                 int64_t count, char *message, size_t capacity) {
    return predict(library, booster, matrix, type_f64, rows, columns, prediction, parameters, out, count, message,
                   capacity);
}

int32_t clgb_booster_save(const clgb_library *library, const clgb_booster *booster, char **out, char *message,
                          size_t capacity) {
    int64_t room = 1 << 16;
    for (;;) {
        char *text = malloc((size_t)room);
        if (text == NULL) return fail(CLGB_ERROR_MEMORY, "no memory left", message, capacity);
        int64_t length = 0;
        // All iterations; importances counted by splits.
        int32_t code = check(library, library->BoosterSaveModelToString(booster, 0, -1, 0, room, &length, text),
                             message, capacity);
        if (code == CLGB_OK && length <= room) {
            *out = text;
            return CLGB_OK;
        }
        free(text);
        if (code != CLGB_OK) return code;
        room = length;
    }
}

void clgb_text_free(char *text) { free(text); }

int32_t clgb_booster_load(const clgb_library *library, const char *text, clgb_booster **out, char *message,
                          size_t capacity) {
    int iterations = 0;
    silence(library);
    return check(library, library->BoosterLoadModelFromString(text, &iterations, out), message, capacity);
}
