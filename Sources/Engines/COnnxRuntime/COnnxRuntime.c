// ONNX Runtime behind the interface of COnnxRuntime.h.
//
// The library hands out a table of function pointers that upstream only ever appends to, so a function
// is known by its place in the table. Only what is used here is declared.

#include "COnnxRuntime.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// The version of the table that is asked for, and what is known of later ones.
enum {
    api_version = 17,
    api_version_deterministic = 20,
    api_version_cancel_load = 22,
};

/// Places of the functions used here, by their names upstream.
enum {
    at_GetErrorCode = 1,
    at_GetErrorMessage = 2,
    at_CreateEnv = 3,
    at_CreateEnvWithCustomLogger = 4,
    at_DisableTelemetryEvents = 6,
    at_CreateSession = 7,
    at_CreateSessionFromArray = 8,
    at_Run = 9,
    at_CreateSessionOptions = 10,
    at_SetSessionExecutionMode = 13,
    at_EnableMemPattern = 16,
    at_DisableMemPattern = 17,
    at_EnableCpuMemArena = 18,
    at_DisableCpuMemArena = 19,
    at_SetSessionLogSeverityLevel = 22,
    at_SetSessionGraphOptimizationLevel = 23,
    at_SetIntraOpNumThreads = 24,
    at_SetInterOpNumThreads = 25,
    at_SessionGetInputCount = 30,
    at_SessionGetOutputCount = 31,
    at_SessionGetInputTypeInfo = 33,
    at_SessionGetOutputTypeInfo = 34,
    at_SessionGetInputName = 36,
    at_SessionGetOutputName = 37,
    at_CreateRunOptions = 39,
    at_RunOptionsSetTerminate = 46,
    at_CreateTensorAsOrtValue = 48,
    at_CreateTensorWithDataAsOrtValue = 49,
    at_GetTensorMutableData = 51,
    at_FillStringTensor = 52,
    at_GetStringTensorDataLength = 53,
    at_GetStringTensorContent = 54,
    at_CastTypeInfoToTensorInfo = 55,
    at_GetOnnxTypeFromTypeInfo = 56,
    at_GetTensorElementType = 60,
    at_GetDimensionsCount = 61,
    at_GetDimensions = 62,
    at_GetSymbolicDimensions = 63,
    at_GetTensorShapeElementCount = 64,
    at_GetTensorTypeAndShape = 65,
    at_GetValueType = 67,
    at_CreateCpuMemoryInfo = 69,
    at_AllocatorFree = 76,
    at_GetAllocatorWithDefaultOptions = 78,
    at_GetValue = 80,
    at_GetValueCount = 81,
    at_ReleaseEnv = 92,
    at_ReleaseStatus = 93,
    at_ReleaseMemoryInfo = 94,
    at_ReleaseSession = 95,
    at_ReleaseValue = 96,
    at_ReleaseRunOptions = 97,
    at_ReleaseTypeInfo = 98,
    at_ReleaseTensorTypeAndShapeInfo = 99,
    at_ReleaseSessionOptions = 100,
    at_CastTypeInfoToMapTypeInfo = 103,
    at_CastTypeInfoToSequenceTypeInfo = 104,
    at_GetMapKeyType = 105,
    at_GetMapValueType = 106,
    at_GetSequenceElementType = 107,
    at_SessionGetModelMetadata = 111,
    at_ModelMetadataGetProducerName = 112,
    at_ModelMetadataGetGraphName = 113,
    at_ModelMetadataGetDomain = 114,
    at_ModelMetadataGetDescription = 115,
    at_ModelMetadataLookupCustomMetadataMap = 116,
    at_ModelMetadataGetVersion = 117,
    at_ReleaseModelMetadata = 118,
    at_CreateEnvWithGlobalThreadPools = 119,
    at_DisablePerSessionThreads = 120,
    at_CreateThreadingOptions = 121,
    at_ReleaseThreadingOptions = 122,
    at_ModelMetadataGetCustomMetadataMapKeys = 123,
    at_GetAvailableProviders = 125,
    at_ReleaseAvailableProviders = 126,
    at_AddSessionConfigEntry = 130,
    at_SetGlobalIntraOpNumThreads = 147,
    at_SetGlobalInterOpNumThreads = 148,
    at_CreateEnvWithCustomLoggerAndGlobalThreadPools = 151,
    at_ModelMetadataGetGraphDescription = 158,
    at_HasValue = 192,
    at_SessionOptionsAppendExecutionProvider_CUDA_V2 = 204,
    at_CreateCUDAProviderOptions = 205,
    at_UpdateCUDAProviderOptions = 206,
    at_ReleaseCUDAProviderOptions = 208,
    at_SessionOptionsAppendExecutionProvider = 216,
    at_CastTypeInfoToOptionalTypeInfo = 250,
    at_GetOptionalContainedTypeInfo = 251,
    at_SetUserLoggingFunction = 266,
    at_SetDeterministicCompute = 273,
    at_SessionOptionsSetLoadCancellationFlag = 293,
};

// Types of ONNX Runtime that stay within this file. NULL as a status means success.
typedef struct Status Status;
typedef struct TypeInfo TypeInfo;
typedef struct TensorInfo TensorInfo;
typedef struct MapInfo MapInfo;
typedef struct SequenceInfo SequenceInfo;
typedef struct OptionalInfo OptionalInfo;
typedef struct Metadata Metadata;
typedef struct MemoryInfo MemoryInfo;
typedef struct ThreadingOptions ThreadingOptions;
typedef struct CUDAOptions CUDAOptions;
typedef struct NativeRunOptions NativeRunOptions;
typedef struct Allocator Allocator;

/// What `OrtGetApiBase` returns.
typedef struct {
    const void *const *(*get_api)(uint32_t version);
    const char *(*get_version)(void);
} Base;

typedef void (*LogFunction)(void *parameter, int severity, const char *category, const char *identifier,
                            const char *location, const char *text);

struct cort_library {
    const char *version;
    const void *const *api;
    /// The highest version of the table that the library has, up to those known here.
    uint32_t highest;
    Allocator *allocator;
    MemoryInfo *memory;
    char **providers;
    int provider_count;
};

struct cort_run_options {
    NativeRunOptions *native;
    atomic_bool terminated;
};

/// The function at a place in the table, as a function of the given type.
#define FUNCTION(library, place, result, ...) ((result (*)(__VA_ARGS__))(uintptr_t)(library)->api[place])

/// A function that returns a status.
#define CALL(library, place, ...) FUNCTION(library, place, Status *, __VA_ARGS__)

// MARK: - Errors

static int32_t fail(int32_t code, const char *text, char *message, size_t capacity) {
    if (message != NULL && capacity > 0) snprintf(message, capacity, "%s", text);
    return code;
}

/// Turns a status into a code and a message, and releases it.
static int32_t check(const cort_library *library, Status *status, char *message, size_t capacity) {
    if (status == NULL) return CORT_OK;
    int32_t code = FUNCTION(library, at_GetErrorCode, int, const Status *)(status);
    const char *text = FUNCTION(library, at_GetErrorMessage, const char *, const Status *)(status);
    fail(code, text != NULL ? text : "ONNX Runtime gives no reason", message, capacity);
    FUNCTION(library, at_ReleaseStatus, void, Status *)(status);
    return code != CORT_OK ? code : CORT_ERROR_FAIL;
}

static int32_t out_of_memory(char *message, size_t capacity) {
    return fail(CORT_ERROR_MEMORY, "no memory left", message, capacity);
}

static int32_t unsupported(const cort_library *library, const char *what, char *message, size_t capacity) {
    if (message != NULL && capacity > 0)
        snprintf(message, capacity, "ONNX Runtime %s does not offer %s", library->version, what);
    return CORT_ERROR_UNSUPPORTED;
}

/// A copy of a text, empty for an absent one; NULL when there is no memory.
static char *copy_text(const char *text) {
    size_t length = text != NULL ? strlen(text) : 0;
    char *copy = malloc(length + 1);
    if (copy == NULL) return NULL;
    if (length > 0) memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

/// Copies a text of ONNX Runtime's and gives the text back; an absent one becomes empty.
static char *take(const cort_library *library, char *text) {
    char *copy = copy_text(text);
    if (text != NULL) {
        Status *status = CALL(library, at_AllocatorFree, Allocator *, void *)(library->allocator, text);
        check(library, status, NULL, 0);
    }
    return copy;
}

// MARK: - Library

cort_library *cort_open(const char *path, char *message, size_t capacity) {
    // Never closed: the library starts threads and keeps state beyond its last object.
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        const char *reason = dlerror();
        fail(CORT_ERROR_LIBRARY, reason != NULL ? reason : "the library cannot be opened", message, capacity);
        return NULL;
    }
    const Base *(*get_base)(void) = (const Base *(*)(void))(uintptr_t)dlsym(handle, "OrtGetApiBase");
    const Base *base = get_base != NULL ? get_base() : NULL;
    if (base == NULL) {
        if (message != NULL && capacity > 0) snprintf(message, capacity, "%s is not ONNX Runtime", path);
        return NULL;
    }

    cort_library *library = calloc(1, sizeof *library);
    if (library == NULL) {
        out_of_memory(message, capacity);
        return NULL;
    }
    library->version = base->get_version();
    // Asking for a version that the library lacks makes it write to standard error, so the versions are
    // compared first: "1.22.0" has version 22 of the table.
    unsigned major = 0, minor = 0;
    if (sscanf(library->version, "%u.%u", &major, &minor) == 2)
        library->highest = major > 1 ? api_version_cancel_load : minor;
    library->api = library->highest >= api_version ? base->get_api(api_version) : NULL;
    if (library->api == NULL) {
        if (message != NULL && capacity > 0)
            snprintf(message, capacity, "ONNX Runtime %s is too old: 1.%d or newer is needed", library->version,
                     api_version);
        free(library);
        return NULL;
    }
    // Later versions of the table start with the same functions.
    for (uint32_t version = api_version_cancel_load; version > api_version; version--) {
        const void *const *api = version <= library->highest ? base->get_api(version) : NULL;
        if (api != NULL) {
            library->api = api;
            library->highest = version;
            break;
        }
    }

    int32_t code = check(library, CALL(library, at_GetAllocatorWithDefaultOptions, Allocator **)(&library->allocator),
                         message, capacity);
    if (code == CORT_OK) // 1: allocated in an arena; 0: the default kind of memory
        code = check(library, CALL(library, at_CreateCpuMemoryInfo, int, int, MemoryInfo **)(1, 0, &library->memory),
                     message, capacity);
    if (code == CORT_OK)
        code = check(
            library,
            CALL(library, at_GetAvailableProviders, char ***, int *)(&library->providers, &library->provider_count),
            message, capacity);
    if (code != CORT_OK) {
        cort_close(library);
        return NULL;
    }
    return library;
}

void cort_close(cort_library *library) {
    if (library == NULL) return;
    if (library->providers != NULL)
        check(library,
              CALL(library, at_ReleaseAvailableProviders, char **, int)(library->providers, library->provider_count),
              NULL, 0);
    if (library->memory != NULL) FUNCTION(library, at_ReleaseMemoryInfo, void, MemoryInfo *)(library->memory);
    free(library);
}

const char *cort_version(const cort_library *library) { return library->version; }

size_t cort_provider_count(const cort_library *library) { return (size_t)library->provider_count; }

const char *cort_provider_name(const cort_library *library, size_t index) {
    return index < (size_t)library->provider_count ? library->providers[index] : NULL;
}

// MARK: - Environment

static void log_nothing(void *parameter, int severity, const char *category, const char *identifier,
                        const char *location, const char *text) {
    (void)parameter, (void)severity, (void)category, (void)identifier, (void)location, (void)text;
}

int32_t cort_environment_create(const cort_library *library, int32_t log_level, int32_t shared_threads,
                                cort_environment **out, char *message, size_t capacity) {
    const char *name = "casemate";
    int level = log_level >= CORT_LOG_SILENT ? CORT_LOG_FATAL : log_level;
    bool silent = log_level >= CORT_LOG_SILENT;
    cort_environment *environment = NULL;
    int32_t code;
    if (shared_threads <= 0) {
        code = check(
            library,
            silent ? CALL(library, at_CreateEnvWithCustomLogger, LogFunction, void *, int, const char *,
                          cort_environment **)(log_nothing, NULL, level, name, &environment)
                   : CALL(library, at_CreateEnv, int, const char *, cort_environment **)(level, name, &environment),
            message, capacity);
    } else {
        ThreadingOptions *threading = NULL;
        code = check(library, CALL(library, at_CreateThreadingOptions, ThreadingOptions **)(&threading), message,
                     capacity);
        if (code != CORT_OK) return code;
        code = check(library,
                     CALL(library, at_SetGlobalIntraOpNumThreads, ThreadingOptions *, int)(threading, shared_threads),
                     message, capacity);
        if (code == CORT_OK)
            code = check(library, CALL(library, at_SetGlobalInterOpNumThreads, ThreadingOptions *, int)(threading, 1),
                         message, capacity);
        if (code == CORT_OK)
            code = check(library,
                         silent ? CALL(library, at_CreateEnvWithCustomLoggerAndGlobalThreadPools, LogFunction, void *,
                                       int, const char *, const ThreadingOptions *,
                                       cort_environment **)(log_nothing, NULL, level, name, threading, &environment)
                                : CALL(library, at_CreateEnvWithGlobalThreadPools, int, const char *,
                                       const ThreadingOptions *,
                                       cort_environment **)(level, name, threading, &environment),
                         message, capacity);
        FUNCTION(library, at_ReleaseThreadingOptions, void, ThreadingOptions *)(threading);
    }
    if (code != CORT_OK) return code;
    check(library, CALL(library, at_DisableTelemetryEvents, const cort_environment *)(environment), NULL, 0);
    *out = environment;
    return CORT_OK;
}

void cort_environment_release(const cort_library *library, cort_environment *environment) {
    if (environment != NULL) FUNCTION(library, at_ReleaseEnv, void, cort_environment *)(environment);
}

// MARK: - Session options

int32_t cort_session_options_create(const cort_library *library, cort_session_options **out, char *message,
                                    size_t capacity) {
    return check(library, CALL(library, at_CreateSessionOptions, cort_session_options **)(out), message, capacity);
}

void cort_session_options_release(const cort_library *library, cort_session_options *options) {
    if (options != NULL) FUNCTION(library, at_ReleaseSessionOptions, void, cort_session_options *)(options);
}

int32_t cort_session_options_set_threads(const cort_library *library, cort_session_options *options, int32_t intra,
                                         int32_t inter, char *message, size_t capacity) {
    int32_t code = check(library, CALL(library, at_SetIntraOpNumThreads, cort_session_options *, int)(options, intra),
                         message, capacity);
    if (code != CORT_OK) return code;
    return check(library, CALL(library, at_SetInterOpNumThreads, cort_session_options *, int)(options, inter), message,
                 capacity);
}

int32_t cort_session_options_use_shared_threads(const cort_library *library, cort_session_options *options,
                                                char *message, size_t capacity) {
    return check(library, CALL(library, at_DisablePerSessionThreads, cort_session_options *)(options), message,
                 capacity);
}

int32_t cort_session_options_set_optimisation(const cort_library *library, cort_session_options *options, int32_t level,
                                              char *message, size_t capacity) {
    return check(library,
                 CALL(library, at_SetSessionGraphOptimizationLevel, cort_session_options *, int)(options, level),
                 message, capacity);
}

int32_t cort_session_options_set_parallel(const cort_library *library, cort_session_options *options, bool parallel,
                                          char *message, size_t capacity) {
    return check(library,
                 CALL(library, at_SetSessionExecutionMode, cort_session_options *, int)(options, parallel ? 1 : 0),
                 message, capacity);
}

int32_t cort_session_options_set_memory_pattern(const cort_library *library, cort_session_options *options,
                                                bool enabled, char *message, size_t capacity) {
    int place = enabled ? at_EnableMemPattern : at_DisableMemPattern;
    return check(library, CALL(library, place, cort_session_options *)(options), message, capacity);
}

int32_t cort_session_options_set_memory_arena(const cort_library *library, cort_session_options *options, bool enabled,
                                              char *message, size_t capacity) {
    int place = enabled ? at_EnableCpuMemArena : at_DisableCpuMemArena;
    return check(library, CALL(library, place, cort_session_options *)(options), message, capacity);
}

int32_t cort_session_options_set_entry(const cort_library *library, cort_session_options *options, const char *key,
                                       const char *value, char *message, size_t capacity) {
    return check(library,
                 CALL(library, at_AddSessionConfigEntry, cort_session_options *, const char *,
                      const char *)(options, key, value),
                 message, capacity);
}

int32_t cort_session_options_set_deterministic(const cort_library *library, cort_session_options *options,
                                               bool deterministic, char *message, size_t capacity) {
    if (library->highest < api_version_deterministic)
        return unsupported(library, "deterministic computation", message, capacity);
    return check(library,
                 CALL(library, at_SetDeterministicCompute, cort_session_options *, bool)(options, deterministic),
                 message, capacity);
}

int32_t cort_session_options_cancel_load(const cort_library *library, cort_session_options *options, char *message,
                                         size_t capacity) {
    if (library->highest < api_version_cancel_load)
        return unsupported(library, "a way to end the loading of a model", message, capacity);
    return check(library,
                 CALL(library, at_SessionOptionsSetLoadCancellationFlag, cort_session_options *, bool)(options, true),
                 message, capacity);
}

int32_t cort_set_log_silent(const cort_library *library, cort_session_options *options, char *message,
                            size_t capacity) {
    int32_t code = check(library,
                         CALL(library, at_SetUserLoggingFunction, cort_session_options *, LogFunction,
                              void *)(options, log_nothing, NULL),
                         message, capacity);
    if (code != CORT_OK) return code;
    return check(library,
                 CALL(library, at_SetSessionLogSeverityLevel, cort_session_options *, int)(options, CORT_LOG_FATAL),
                 message, capacity);
}

static bool has_provider(const cort_library *library, const char *name) {
    for (int index = 0; index < library->provider_count; index++)
        if (strcmp(library->providers[index], name) == 0) return true;
    return false;
}

static int32_t no_provider(const cort_library *library, const char *provider, char *message, size_t capacity) {
    if (message == NULL || capacity == 0) return CORT_ERROR_NO_PROVIDER;
    int used = snprintf(message, capacity, "this build of ONNX Runtime %s has no execution provider '%s'; it has",
                        library->version, provider);
    for (int index = 0; index < library->provider_count && used >= 0 && (size_t)used < capacity; index++) {
        int more =
            snprintf(message + used, capacity - (size_t)used, "%s %s", index > 0 ? "," : "", library->providers[index]);
        used = more < 0 ? -1 : used + more;
    }
    return CORT_ERROR_NO_PROVIDER;
}

int32_t cort_session_options_add_provider(const cort_library *library, cort_session_options *options,
                                          const char *provider, const char *const *keys, const char *const *values,
                                          size_t count, char *message, size_t capacity) {
    if (strcmp(provider, "cpu") == 0) return CORT_OK;
    if (strcmp(provider, "cuda") != 0) {
        int32_t code =
            check(library,
                  CALL(library, at_SessionOptionsAppendExecutionProvider, cort_session_options *, const char *,
                       const char *const *, const char *const *, size_t)(options, provider, keys, values, count),
                  message, capacity);
        // It says the same in words of its own, which name no provider that is there.
        if (code == CORT_ERROR_INVALID_ARGUMENT || code == CORT_ERROR_NOT_IMPLEMENTED)
            return no_provider(library, provider, message, capacity);
        return code;
    }

    if (!has_provider(library, "CUDAExecutionProvider")) return no_provider(library, provider, message, capacity);
    CUDAOptions *cuda = NULL;
    int32_t code =
        check(library, CALL(library, at_CreateCUDAProviderOptions, CUDAOptions **)(&cuda), message, capacity);
    if (code != CORT_OK) return code;
    if (count > 0)
        code = check(library,
                     CALL(library, at_UpdateCUDAProviderOptions, CUDAOptions *, const char *const *,
                          const char *const *, size_t)(cuda, keys, values, count),
                     message, capacity);
    if (code == CORT_OK)
        code = check(library,
                     CALL(library, at_SessionOptionsAppendExecutionProvider_CUDA_V2, cort_session_options *,
                          const CUDAOptions *)(options, cuda),
                     message, capacity);
    FUNCTION(library, at_ReleaseCUDAProviderOptions, void, CUDAOptions *)(cuda);
    return code;
}

// MARK: - Session

int32_t cort_session_create(const cort_library *library, const cort_environment *environment, const char *path,
                            const cort_session_options *options, cort_session **out, char *message, size_t capacity) {
    return check(library,
                 CALL(library, at_CreateSession, const cort_environment *, const char *, const cort_session_options *,
                      cort_session **)(environment, path, options, out),
                 message, capacity);
}

int32_t cort_session_create_from_memory(const cort_library *library, const cort_environment *environment,
                                        const void *bytes, size_t count, const cort_session_options *options,
                                        cort_session **out, char *message, size_t capacity) {
    return check(library,
                 CALL(library, at_CreateSessionFromArray, const cort_environment *, const void *, size_t,
                      const cort_session_options *, cort_session **)(environment, bytes, count, options, out),
                 message, capacity);
}

void cort_session_release(const cort_library *library, cort_session *session) {
    if (session != NULL) FUNCTION(library, at_ReleaseSession, void, cort_session *)(session);
}

int32_t cort_session_input_count(const cort_library *library, const cort_session *session, size_t *out, char *message,
                                 size_t capacity) {
    return check(library, CALL(library, at_SessionGetInputCount, const cort_session *, size_t *)(session, out), message,
                 capacity);
}

int32_t cort_session_output_count(const cort_library *library, const cort_session *session, size_t *out, char *message,
                                  size_t capacity) {
    return check(library, CALL(library, at_SessionGetOutputCount, const cort_session *, size_t *)(session, out),
                 message, capacity);
}

/// Notes the element type, the sizes and their names.
static int32_t describe_tensor(const cort_library *library, const TensorInfo *tensor, cort_port *port, char *message,
                               size_t capacity) {
    int type = CORT_TYPE_UNDEFINED;
    int32_t code = check(library, CALL(library, at_GetTensorElementType, const TensorInfo *, int *)(tensor, &type),
                         message, capacity);
    if (code != CORT_OK) return code;
    port->element_type = type;

    size_t rank = 0;
    code = check(library, CALL(library, at_GetDimensionsCount, const TensorInfo *, size_t *)(tensor, &rank), message,
                 capacity);
    if (code != CORT_OK || rank == 0) return code;
    port->dimensions = calloc(rank, sizeof *port->dimensions);
    port->symbols = calloc(rank, sizeof *port->symbols);
    const char **names = calloc(rank, sizeof *names);
    if (port->dimensions == NULL || port->symbols == NULL || names == NULL) {
        free(names);
        return out_of_memory(message, capacity);
    }
    port->rank = rank;
    code = check(library,
                 CALL(library, at_GetDimensions, const TensorInfo *, int64_t *, size_t)(tensor, port->dimensions, rank),
                 message, capacity);
    if (code == CORT_OK)
        code = check(
            library,
            CALL(library, at_GetSymbolicDimensions, const TensorInfo *, const char **, size_t)(tensor, names, rank),
            message, capacity);
    for (size_t index = 0; code == CORT_OK && index < rank; index++) {
        port->symbols[index] = copy_text(names[index]);
        if (port->symbols[index] == NULL) code = out_of_memory(message, capacity);
    }
    free(names);
    return code;
}

/// Notes what a type is, going into containers.
static int32_t describe(const cort_library *library, const TypeInfo *type, size_t depth, cort_port *port, char *message,
                        size_t capacity) {
    int kind = CORT_KIND_UNKNOWN;
    int32_t code = check(library, CALL(library, at_GetOnnxTypeFromTypeInfo, const TypeInfo *, int *)(type, &kind),
                         message, capacity);
    if (code != CORT_OK) return code;
    if (depth == 0) port->kind = kind;
    if (depth <= 1) port->inner_kind = kind;
    if (depth > 8) return CORT_OK; // deeper than any model means it; the innermost type stays undefined

    TypeInfo *inner = NULL;
    switch (kind) {
    case CORT_KIND_TENSOR:
    case CORT_KIND_SPARSE_TENSOR: {
        const TensorInfo *tensor = NULL;
        code = check(library,
                     CALL(library, at_CastTypeInfoToTensorInfo, const TypeInfo *, const TensorInfo **)(type, &tensor),
                     message, capacity);
        if (code != CORT_OK || tensor == NULL) return code;
        return describe_tensor(library, tensor, port, message, capacity);
    }
    case CORT_KIND_SEQUENCE: {
        const SequenceInfo *sequence = NULL;
        code = check(
            library,
            CALL(library, at_CastTypeInfoToSequenceTypeInfo, const TypeInfo *, const SequenceInfo **)(type, &sequence),
            message, capacity);
        if (code != CORT_OK || sequence == NULL) return code;
        code = check(library,
                     CALL(library, at_GetSequenceElementType, const SequenceInfo *, TypeInfo **)(sequence, &inner),
                     message, capacity);
        break;
    }
    case CORT_KIND_MAP: {
        const MapInfo *map = NULL;
        code =
            check(library, CALL(library, at_CastTypeInfoToMapTypeInfo, const TypeInfo *, const MapInfo **)(type, &map),
                  message, capacity);
        if (code != CORT_OK || map == NULL) return code;
        int key = CORT_TYPE_UNDEFINED;
        code = check(library, CALL(library, at_GetMapKeyType, const MapInfo *, int *)(map, &key), message, capacity);
        if (code != CORT_OK) return code;
        port->key_type = key;
        code = check(library, CALL(library, at_GetMapValueType, const MapInfo *, TypeInfo **)(map, &inner), message,
                     capacity);
        break;
    }
    case CORT_KIND_OPTIONAL: {
        const OptionalInfo *optional = NULL;
        code = check(
            library,
            CALL(library, at_CastTypeInfoToOptionalTypeInfo, const TypeInfo *, const OptionalInfo **)(type, &optional),
            message, capacity);
        if (code != CORT_OK || optional == NULL) return code;
        code =
            check(library,
                  CALL(library, at_GetOptionalContainedTypeInfo, const OptionalInfo *, TypeInfo **)(optional, &inner),
                  message, capacity);
        break;
    }
    default: return CORT_OK;
    }
    if (code != CORT_OK || inner == NULL) return code;
    code = describe(library, inner, depth + 1, port, message, capacity);
    FUNCTION(library, at_ReleaseTypeInfo, void, TypeInfo *)(inner);
    return code;
}

static int32_t describe_port(const cort_library *library, const cort_session *session, size_t index, int name_place,
                             int type_place, cort_port **out, char *message, size_t capacity) {
    char *name = NULL;
    int32_t code = check(library,
                         CALL(library, name_place, const cort_session *, size_t, Allocator *,
                              char **)(session, index, library->allocator, &name),
                         message, capacity);
    if (code != CORT_OK) return code;
    cort_port *port = calloc(1, sizeof *port);
    char *copy = take(library, name);
    if (port == NULL || copy == NULL) {
        free(copy);
        free(port);
        return out_of_memory(message, capacity);
    }
    port->name = copy;

    TypeInfo *type = NULL;
    code = check(library, CALL(library, type_place, const cort_session *, size_t, TypeInfo **)(session, index, &type),
                 message, capacity);
    if (code == CORT_OK) {
        code = describe(library, type, 0, port, message, capacity);
        FUNCTION(library, at_ReleaseTypeInfo, void, TypeInfo *)(type);
    }
    if (code != CORT_OK) {
        cort_port_release(port);
        return code;
    }
    *out = port;
    return CORT_OK;
}

int32_t cort_session_input(const cort_library *library, const cort_session *session, size_t index, cort_port **out,
                           char *message, size_t capacity) {
    return describe_port(library, session, index, at_SessionGetInputName, at_SessionGetInputTypeInfo, out, message,
                         capacity);
}

int32_t cort_session_output(const cort_library *library, const cort_session *session, size_t index, cort_port **out,
                            char *message, size_t capacity) {
    return describe_port(library, session, index, at_SessionGetOutputName, at_SessionGetOutputTypeInfo, out, message,
                         capacity);
}

void cort_port_release(cort_port *port) {
    if (port == NULL) return;
    for (size_t index = 0; index < port->rank; index++) free(port->symbols[index]);
    free(port->symbols);
    free(port->dimensions);
    free(port->name);
    free(port);
}

/// Reads one text of the metadata.
static int32_t metadata_text(const cort_library *library, const Metadata *metadata, int place, char **out,
                             char *message, size_t capacity) {
    char *text = NULL;
    int32_t code = check(
        library, CALL(library, place, const Metadata *, Allocator *, char **)(metadata, library->allocator, &text),
        message, capacity);
    if (code != CORT_OK) return code;
    *out = take(library, text);
    return *out != NULL ? CORT_OK : out_of_memory(message, capacity);
}

/// Reads the custom entries of the metadata.
static int32_t metadata_entries(const cort_library *library, const Metadata *metadata, cort_metadata *result,
                                char *message, size_t capacity) {
    char **keys = NULL;
    int64_t count = 0;
    int32_t code = check(library,
                         CALL(library, at_ModelMetadataGetCustomMetadataMapKeys, const Metadata *, Allocator *,
                              char ***, int64_t *)(metadata, library->allocator, &keys, &count),
                         message, capacity);
    if (code != CORT_OK || keys == NULL || count <= 0) return code;
    result->custom_keys = calloc((size_t)count, sizeof *result->custom_keys);
    result->custom_values = calloc((size_t)count, sizeof *result->custom_values);
    if (result->custom_keys == NULL || result->custom_values == NULL) {
        code = out_of_memory(message, capacity);
    } else {
        result->custom_count = (size_t)count;
    }
    for (int64_t index = 0; index < count; index++) {
        if (code == CORT_OK) {
            char *value = NULL;
            code = check(library,
                         CALL(library, at_ModelMetadataLookupCustomMetadataMap, const Metadata *, Allocator *,
                              const char *, char **)(metadata, library->allocator, keys[index], &value),
                         message, capacity);
            if (code == CORT_OK) result->custom_values[index] = take(library, value);
        }
        char *key = take(library, keys[index]);
        if (code == CORT_OK) {
            result->custom_keys[index] = key;
            if (key == NULL || result->custom_values[index] == NULL) code = out_of_memory(message, capacity);
        } else {
            free(key);
        }
    }
    check(library, CALL(library, at_AllocatorFree, Allocator *, void *)(library->allocator, keys), NULL, 0);
    return code;
}

int32_t cort_session_metadata(const cort_library *library, const cort_session *session, cort_metadata **out,
                              char *message, size_t capacity) {
    cort_metadata *result = calloc(1, sizeof *result);
    if (result == NULL) return out_of_memory(message, capacity);
    Metadata *metadata = NULL;
    int32_t code =
        check(library, CALL(library, at_SessionGetModelMetadata, const cort_session *, Metadata **)(session, &metadata),
              message, capacity);
    if (code == CORT_OK) {
        const struct {
            int place;
            char **text;
        } texts[] = {
            {at_ModelMetadataGetProducerName, &result->producer},
            {at_ModelMetadataGetGraphName, &result->graph},
            {at_ModelMetadataGetDomain, &result->domain},
            {at_ModelMetadataGetDescription, &result->description},
            {at_ModelMetadataGetGraphDescription, &result->graph_description},
        };
        for (size_t index = 0; code == CORT_OK && index < sizeof texts / sizeof *texts; index++)
            code = metadata_text(library, metadata, texts[index].place, texts[index].text, message, capacity);
        if (code == CORT_OK)
            code = check(
                library,
                CALL(library, at_ModelMetadataGetVersion, const Metadata *, int64_t *)(metadata, &result->version),
                message, capacity);
        if (code == CORT_OK) code = metadata_entries(library, metadata, result, message, capacity);
        FUNCTION(library, at_ReleaseModelMetadata, void, Metadata *)(metadata);
    }
    if (code != CORT_OK) {
        cort_metadata_release(result);
        return code;
    }
    *out = result;
    return CORT_OK;
}

void cort_metadata_release(cort_metadata *metadata) {
    if (metadata == NULL) return;
    for (size_t index = 0; index < metadata->custom_count; index++) {
        free(metadata->custom_keys[index]);
        free(metadata->custom_values[index]);
    }
    free(metadata->custom_keys);
    free(metadata->custom_values);
    free(metadata->producer);
    free(metadata->graph);
    free(metadata->domain);
    free(metadata->description);
    free(metadata->graph_description);
    free(metadata);
}

// MARK: - Run

int32_t cort_run_options_create(const cort_library *library, cort_run_options **out, char *message, size_t capacity) {
    cort_run_options *options = calloc(1, sizeof *options);
    if (options == NULL) return out_of_memory(message, capacity);
    atomic_init(&options->terminated, false);
    int32_t code =
        check(library, CALL(library, at_CreateRunOptions, NativeRunOptions **)(&options->native), message, capacity);
    if (code != CORT_OK) {
        free(options);
        return code;
    }
    *out = options;
    return CORT_OK;
}

void cort_run_options_release(const cort_library *library, cort_run_options *options) {
    if (options == NULL) return;
    FUNCTION(library, at_ReleaseRunOptions, void, NativeRunOptions *)(options->native);
    free(options);
}

int32_t cort_run_options_terminate(const cort_library *library, cort_run_options *options, char *message,
                                   size_t capacity) {
    atomic_store(&options->terminated, true);
    return check(library, CALL(library, at_RunOptionsSetTerminate, NativeRunOptions *)(options->native), message,
                 capacity);
}

int32_t cort_session_run(const cort_library *library, cort_session *session, cort_run_options *options,
                         const char *const *input_names, const cort_value *const *inputs, size_t input_count,
                         const char *const *output_names, size_t output_count, cort_value **outputs, char *message,
                         size_t capacity) {
    const char *cancelled = "the run was cancelled";
    if (options != NULL && atomic_load(&options->terminated))
        return fail(CORT_ERROR_CANCELLED, cancelled, message, capacity);
    int32_t code = check(library,
                         CALL(library, at_Run, cort_session *, const NativeRunOptions *, const char *const *,
                              const cort_value *const *, size_t, const char *const *, size_t,
                              cort_value **)(session, options != NULL ? options->native : NULL, input_names, inputs,
                                             input_count, output_names, output_count, outputs),
                         message, capacity);
    if (code != CORT_OK && options != NULL && atomic_load(&options->terminated))
        return fail(CORT_ERROR_CANCELLED, cancelled, message, capacity);
    return code;
}

// MARK: - Values

int32_t cort_tensor_create(const cort_library *library, int32_t element_type, const int64_t *shape, size_t rank,
                           void *data, size_t bytes, cort_value **out, char *message, size_t capacity) {
    static char nothing; // a tensor without elements still wants an address
    return check(library,
                 CALL(library, at_CreateTensorWithDataAsOrtValue, const MemoryInfo *, void *, size_t, const int64_t *,
                      size_t, int, cort_value **)(library->memory, data != NULL ? data : &nothing, bytes, shape, rank,
                                                  element_type, out),
                 message, capacity);
}

int32_t cort_tensor_create_strings(const cort_library *library, const char *const *strings, size_t count,
                                   const int64_t *shape, size_t rank, cort_value **out, char *message,
                                   size_t capacity) {
    cort_value *value = NULL;
    int32_t code = check(library,
                         CALL(library, at_CreateTensorAsOrtValue, Allocator *, const int64_t *, size_t, int,
                              cort_value **)(library->allocator, shape, rank, CORT_TYPE_STRING, &value),
                         message, capacity);
    if (code == CORT_OK && count > 0)
        code =
            check(library,
                  CALL(library, at_FillStringTensor, cort_value *, const char *const *, size_t)(value, strings, count),
                  message, capacity);
    if (code != CORT_OK) {
        cort_value_release(library, value);
        return code;
    }
    *out = value;
    return CORT_OK;
}

void cort_value_release(const cort_library *library, cort_value *value) {
    if (value != NULL) FUNCTION(library, at_ReleaseValue, void, cort_value *)(value);
}

int32_t cort_value_kind(const cort_library *library, const cort_value *value, int32_t *out, char *message,
                        size_t capacity) {
    int kind = CORT_KIND_UNKNOWN;
    int32_t code =
        check(library, CALL(library, at_GetValueType, const cort_value *, int *)(value, &kind), message, capacity);
    if (code == CORT_OK) *out = kind;
    return code;
}

int32_t cort_value_exists(const cort_library *library, const cort_value *value, bool *out, char *message,
                          size_t capacity) {
    int exists = 0;
    int32_t code =
        check(library, CALL(library, at_HasValue, const cort_value *, int *)(value, &exists), message, capacity);
    if (code == CORT_OK) *out = exists != 0;
    return code;
}

int32_t cort_tensor_info(const cort_library *library, const cort_value *value, int32_t *element_type, size_t *rank,
                         size_t *count, char *message, size_t capacity) {
    TensorInfo *info = NULL;
    int32_t code =
        check(library, CALL(library, at_GetTensorTypeAndShape, const cort_value *, TensorInfo **)(value, &info),
              message, capacity);
    if (code != CORT_OK) return code;
    int type = CORT_TYPE_UNDEFINED;
    size_t dimensions = 0, elements = 0;
    code = check(library, CALL(library, at_GetTensorElementType, const TensorInfo *, int *)(info, &type), message,
                 capacity);
    if (code == CORT_OK)
        code = check(library, CALL(library, at_GetDimensionsCount, const TensorInfo *, size_t *)(info, &dimensions),
                     message, capacity);
    if (code == CORT_OK)
        code =
            check(library, CALL(library, at_GetTensorShapeElementCount, const TensorInfo *, size_t *)(info, &elements),
                  message, capacity);
    FUNCTION(library, at_ReleaseTensorTypeAndShapeInfo, void, TensorInfo *)(info);
    if (code != CORT_OK) return code;
    *element_type = type;
    *rank = dimensions;
    *count = elements;
    return CORT_OK;
}

int32_t cort_tensor_shape(const cort_library *library, const cort_value *value, int64_t *shape, size_t rank,
                          char *message, size_t capacity) {
    TensorInfo *info = NULL;
    int32_t code =
        check(library, CALL(library, at_GetTensorTypeAndShape, const cort_value *, TensorInfo **)(value, &info),
              message, capacity);
    if (code != CORT_OK) return code;
    code = check(library, CALL(library, at_GetDimensions, const TensorInfo *, int64_t *, size_t)(info, shape, rank),
                 message, capacity);
    FUNCTION(library, at_ReleaseTensorTypeAndShapeInfo, void, TensorInfo *)(info);
    return code;
}

int32_t cort_tensor_data(const cort_library *library, const cort_value *value, const void **out, char *message,
                         size_t capacity) {
    int32_t type = CORT_TYPE_UNDEFINED;
    size_t rank = 0, count = 0;
    int32_t code = cort_tensor_info(library, value, &type, &rank, &count, message, capacity);
    if (code != CORT_OK) return code;
    if (type == CORT_TYPE_STRING)
        return fail(CORT_ERROR_UNEXPECTED_VALUE, "the tensor holds strings, not numbers", message, capacity);
    void *data = NULL;
    code = check(library, CALL(library, at_GetTensorMutableData, const cort_value *, void **)(value, &data), message,
                 capacity);
    if (code == CORT_OK) *out = data;
    return code;
}

int32_t cort_tensor_strings_length(const cort_library *library, const cort_value *value, size_t *out, char *message,
                                   size_t capacity) {
    return check(library, CALL(library, at_GetStringTensorDataLength, const cort_value *, size_t *)(value, out),
                 message, capacity);
}

int32_t cort_tensor_strings(const cort_library *library, const cort_value *value, void *bytes, size_t length,
                            size_t *offsets, size_t count, char *message, size_t capacity) {
    return check(library,
                 CALL(library, at_GetStringTensorContent, const cort_value *, void *, size_t, size_t *,
                      size_t)(value, bytes, length, offsets, count),
                 message, capacity);
}

int32_t cort_value_count(const cort_library *library, const cort_value *value, size_t *out, char *message,
                         size_t capacity) {
    return check(library, CALL(library, at_GetValueCount, const cort_value *, size_t *)(value, out), message, capacity);
}

int32_t cort_value_element(const cort_library *library, const cort_value *value, size_t index, cort_value **out,
                           char *message, size_t capacity) {
    if (index > INT32_MAX) return fail(CORT_ERROR_INVALID_ARGUMENT, "the index is too large", message, capacity);
    return check(library,
                 CALL(library, at_GetValue, const cort_value *, int, Allocator *,
                      cort_value **)(value, (int)index, library->allocator, out),
                 message, capacity);
}

/// Takes a part of a map, which must be a tensor of `columns` elements, and gives its element type.
static int32_t map_part(const cort_library *library, const cort_value *map, size_t part, size_t columns,
                        cort_value **out, int32_t *type, char *message, size_t capacity) {
    cort_value *tensor = NULL;
    int32_t code = cort_value_element(library, map, part, &tensor, message, capacity);
    if (code != CORT_OK) return code;
    size_t rank = 0, count = 0;
    code = cort_tensor_info(library, tensor, type, &rank, &count, message, capacity);
    if (code == CORT_OK && count != columns)
        code = fail(CORT_ERROR_UNEXPECTED_VALUE, "the maps differ in the number of keys", message, capacity);
    if (code != CORT_OK) {
        cort_value_release(library, tensor);
        return code;
    }
    *out = tensor;
    return CORT_OK;
}

/// The keys of a map as bytes that are equal when the keys are.
static int32_t map_keys(const cort_library *library, const cort_value *map, size_t columns, char **bytes,
                        size_t *length, char *message, size_t capacity) {
    cort_value *keys = NULL;
    int32_t type = CORT_TYPE_UNDEFINED;
    int32_t code = map_part(library, map, 0, columns, &keys, &type, message, capacity);
    if (code != CORT_OK) return code;
    size_t size = columns * sizeof(int64_t), text = 0;
    if (type == CORT_TYPE_STRING) {
        code = cort_tensor_strings_length(library, keys, &text, message, capacity);
        size = columns * sizeof(size_t) + text;
    } else if (type != CORT_TYPE_INT64) {
        code =
            fail(CORT_ERROR_UNEXPECTED_VALUE, "the keys of the maps are neither texts nor integers", message, capacity);
    }
    char *copy = code == CORT_OK ? calloc(1, size + 1) : NULL;
    if (code == CORT_OK && copy == NULL) code = out_of_memory(message, capacity);
    if (code == CORT_OK && columns > 0) {
        if (type == CORT_TYPE_STRING) {
            code = cort_tensor_strings(library, keys, copy + columns * sizeof(size_t), text, (size_t *)(void *)copy,
                                       columns, message, capacity);
        } else {
            const void *data = NULL;
            code = cort_tensor_data(library, keys, &data, message, capacity);
            if (code == CORT_OK) memcpy(copy, data, size);
        }
    }
    cort_value_release(library, keys);
    if (code != CORT_OK) {
        free(copy);
        return code;
    }
    *bytes = copy;
    *length = size;
    return CORT_OK;
}

int32_t cort_maps_read(const cort_library *library, const cort_value *sequence, size_t rows, size_t columns, float *out,
                       char *message, size_t capacity) {
    size_t count = 0;
    int32_t code = cort_value_count(library, sequence, &count, message, capacity);
    if (code != CORT_OK) return code;
    if (count != rows)
        return fail(CORT_ERROR_UNEXPECTED_VALUE, "the number of maps is not the number of rows", message, capacity);

    char *first = NULL;
    size_t first_length = 0;
    for (size_t row = 0; code == CORT_OK && row < rows; row++) {
        cort_value *map = NULL, *values = NULL;
        char *keys = NULL;
        size_t length = 0;
        int32_t type = CORT_TYPE_UNDEFINED;
        const void *data = NULL;
        code = cort_value_element(library, sequence, row, &map, message, capacity);
        if (code == CORT_OK) code = map_keys(library, map, columns, &keys, &length, message, capacity);
        if (code == CORT_OK) {
            if (first == NULL) {
                first = keys;
                first_length = length;
                keys = NULL;
            } else if (length != first_length || memcmp(keys, first, length) != 0) {
                code = fail(CORT_ERROR_UNEXPECTED_VALUE, "the maps differ in their keys", message, capacity);
            }
        }
        if (code == CORT_OK) code = map_part(library, map, 1, columns, &values, &type, message, capacity);
        if (code == CORT_OK && type != CORT_TYPE_FLOAT)
            code = fail(CORT_ERROR_UNEXPECTED_VALUE, "the values of the maps are not float numbers", message, capacity);
        if (code == CORT_OK) code = cort_tensor_data(library, values, &data, message, capacity);
        if (code == CORT_OK && columns > 0) memcpy(out + row * columns, data, columns * sizeof *out);
        free(keys);
        cort_value_release(library, values);
        cort_value_release(library, map);
    }
    free(first);
    return code;
}
