/// ONNX Runtime, opened at run time, behind a small flat C interface.
///
/// Nothing is linked: `cort_open` opens a shared library by its path and takes the function table that
/// the library hands out for API version 17 (ONNX Runtime 1.17 and newer).
///
/// Errors: a function that can fail returns 0 or an error code (`cort_error`) and, when it fails,
/// writes a message that ends in NUL into `message`, cut to `capacity` bytes. `message` may be NULL
/// when `capacity` is 0. Results (`out`) are written only on success, unless said otherwise.
///
/// Ownership: what a function hands out through `out` belongs to the caller, who gives it back to the
/// release function named beside it. Release functions accept NULL. A library must outlive all that
/// was made with it, an environment its sessions, caller memory its tensors. Texts and arrays that are
/// passed in are read during the call only.
///
/// Threads: a library, an environment and a session may be used by several threads at a time,
/// `cort_session_run` included. Options, values and run options belong to one thread at a time; only
/// `cort_run_options_terminate` may be called from any thread while a run goes on.

#ifndef CASEMATE_C_ONNX_RUNTIME_H
#define CASEMATE_C_ONNX_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cort_library cort_library;
typedef struct cort_environment cort_environment;
typedef struct cort_session_options cort_session_options;
typedef struct cort_session cort_session;
typedef struct cort_run_options cort_run_options;
typedef struct cort_value cort_value;

/// Error codes. 1 to 99 are ONNX Runtime's own.
enum cort_error {
    CORT_OK = 0,
    CORT_ERROR_FAIL = 1,
    CORT_ERROR_INVALID_ARGUMENT = 2,
    CORT_ERROR_NO_SUCH_FILE = 3,
    CORT_ERROR_NO_MODEL = 4,
    CORT_ERROR_ENGINE = 5,
    CORT_ERROR_RUNTIME_EXCEPTION = 6,
    CORT_ERROR_INVALID_PROTOBUF = 7,
    CORT_ERROR_MODEL_LOADED = 8,
    CORT_ERROR_NOT_IMPLEMENTED = 9,
    CORT_ERROR_INVALID_GRAPH = 10,
    CORT_ERROR_PROVIDER = 11,
    CORT_ERROR_LOAD_CANCELLED = 12,
    /// The library cannot be opened, or is not ONNX Runtime.
    CORT_ERROR_LIBRARY = 100,
    /// The library's version lacks the function.
    CORT_ERROR_UNSUPPORTED = 101,
    /// No memory left.
    CORT_ERROR_MEMORY = 102,
    /// The run was ended by `cort_run_options_terminate`.
    CORT_ERROR_CANCELLED = 103,
    /// The execution provider is not part of the library.
    CORT_ERROR_NO_PROVIDER = 104,
    /// A value is not what the function reads, such as maps with differing keys.
    CORT_ERROR_UNEXPECTED_VALUE = 105,
};

/// What a value or a port of a model is.
enum cort_kind {
    CORT_KIND_UNKNOWN = 0,
    CORT_KIND_TENSOR = 1,
    CORT_KIND_SEQUENCE = 2,
    CORT_KIND_MAP = 3,
    CORT_KIND_OPAQUE = 4,
    CORT_KIND_SPARSE_TENSOR = 5,
    CORT_KIND_OPTIONAL = 6,
};

/// Element types of tensors, numbered as in ONNX.
enum cort_element_type {
    CORT_TYPE_UNDEFINED = 0,
    CORT_TYPE_FLOAT = 1,
    CORT_TYPE_UINT8 = 2,
    CORT_TYPE_INT8 = 3,
    CORT_TYPE_UINT16 = 4,
    CORT_TYPE_INT16 = 5,
    CORT_TYPE_INT32 = 6,
    CORT_TYPE_INT64 = 7,
    CORT_TYPE_STRING = 8,
    CORT_TYPE_BOOL = 9,
    CORT_TYPE_FLOAT16 = 10,
    CORT_TYPE_DOUBLE = 11,
    CORT_TYPE_UINT32 = 12,
    CORT_TYPE_UINT64 = 13,
    CORT_TYPE_COMPLEX64 = 14,
    CORT_TYPE_COMPLEX128 = 15,
    CORT_TYPE_BFLOAT16 = 16,
};

/// Least severity that is logged to standard error.
enum cort_log_level {
    CORT_LOG_VERBOSE = 0,
    CORT_LOG_INFO = 1,
    CORT_LOG_WARNING = 2,
    CORT_LOG_ERROR = 3,
    CORT_LOG_FATAL = 4,
    /// Nothing at all; errors still reach the caller of the failing function.
    CORT_LOG_SILENT = 5,
};

/// How far a model's graph is rewritten when it is loaded.
enum cort_optimisation {
    CORT_OPTIMISE_NONE = 0,
    CORT_OPTIMISE_BASIC = 1,
    CORT_OPTIMISE_EXTENDED = 2,
    CORT_OPTIMISE_ALL = 99,
};

// MARK: - Library

/// Opens the shared library at `path`. Returns NULL on failure. Release with `cort_close`.
cort_library *cort_open(const char *path, char *message, size_t capacity);

/// Frees the handle. The library itself stays mapped: its threads and caches may outlive the handle.
void cort_close(cort_library *library);

/// The version of ONNX Runtime, such as "1.20.0". Lives as long as the library.
const char *cort_version(const cort_library *library);

/// The number of execution providers that the library was built with.
size_t cort_provider_count(const cort_library *library);

/// The name of an execution provider, such as "CPUExecutionProvider"; NULL beyond the last. Lives as
/// long as the library.
const char *cort_provider_name(const cort_library *library, size_t index);

// MARK: - Environment

/// Makes the environment in which sessions live. ONNX Runtime keeps one in a process: while one lives,
/// a further call returns a counted reference to it, with its log level and threads unchanged.
///
/// With `shared_threads` of 1 or more, the environment has a pool of that many threads for the sessions
/// that call `cort_session_options_use_shared_threads`; 0 makes none. Telemetry is switched off.
int32_t cort_environment_create(const cort_library *library, int32_t log_level, int32_t shared_threads,
                                cort_environment **out, char *message, size_t capacity);
void cort_environment_release(const cort_library *library, cort_environment *environment);

// MARK: - Session options

int32_t cort_session_options_create(const cort_library *library, cort_session_options **out, char *message,
                                    size_t capacity);
void cort_session_options_release(const cort_library *library, cort_session_options *options);

/// Threads within an operator and between operators; 0 lets ONNX Runtime choose.
int32_t cort_session_options_set_threads(const cort_library *library, cort_session_options *options, int32_t intra,
                                         int32_t inter, char *message, size_t capacity);

/// Uses the environment's threads instead of the session's own.
int32_t cort_session_options_use_shared_threads(const cort_library *library, cort_session_options *options,
                                                char *message, size_t capacity);

/// Sets a `cort_optimisation`.
int32_t cort_session_options_set_optimisation(const cort_library *library, cort_session_options *options, int32_t level,
                                              char *message, size_t capacity);

/// Runs operators one after the other (the default) or, where the graph allows, at a time.
int32_t cort_session_options_set_parallel(const cort_library *library, cort_session_options *options, bool parallel,
                                          char *message, size_t capacity);

/// Plans memory by the shapes of the first run (on by default; of no use when shapes change).
int32_t cort_session_options_set_memory_pattern(const cort_library *library, cort_session_options *options,
                                                bool enabled, char *message, size_t capacity);

/// Keeps freed memory for later runs (on by default).
int32_t cort_session_options_set_memory_arena(const cort_library *library, cort_session_options *options, bool enabled,
                                              char *message, size_t capacity);

/// Sets a configuration entry, such as "session.intra_op.allow_spinning" to "0".
int32_t cort_session_options_set_entry(const cort_library *library, cort_session_options *options, const char *key,
                                       const char *value, char *message, size_t capacity);

/// Asks operators for results that do not depend on timing. Needs ONNX Runtime 1.20, else
/// `CORT_ERROR_UNSUPPORTED`.
int32_t cort_session_options_set_deterministic(const cort_library *library, cort_session_options *options,
                                               bool deterministic, char *message, size_t capacity);

/// Ends the loading of sessions made with these options, from any thread; the load fails with
/// `CORT_ERROR_LOAD_CANCELLED`. Needs ONNX Runtime 1.22, else `CORT_ERROR_UNSUPPORTED`.
int32_t cort_session_options_cancel_load(const cort_library *library, cort_session_options *options, char *message,
                                         size_t capacity);

/// Logs nothing for sessions made with these options, whatever the environment's level.
int32_t cort_set_log_silent(const cort_library *library, cort_session_options *options, char *message, size_t capacity);

/// Adds an execution provider, tried before those added later; the CPU is always the last.
///
/// `provider` is "cpu" (nothing to add), "cuda", or a name that ONNX Runtime knows, such as "XNNPACK".
/// `keys` and `values` are `count` settings of the provider, such as "device_id" and "0". A provider
/// that the library lacks gives `CORT_ERROR_NO_PROVIDER` and a message that lists those it has.
int32_t cort_session_options_add_provider(const cort_library *library, cort_session_options *options,
                                          const char *provider, const char *const *keys, const char *const *values,
                                          size_t count, char *message, size_t capacity);

// MARK: - Session

/// Loads a model from a file. External data is looked for beside the file.
int32_t cort_session_create(const cort_library *library, const cort_environment *environment, const char *path,
                            const cort_session_options *options, cort_session **out, char *message, size_t capacity);

/// Loads a model from memory, which may be freed afterwards.
int32_t cort_session_create_from_memory(const cort_library *library, const cort_environment *environment,
                                        const void *bytes, size_t count, const cort_session_options *options,
                                        cort_session **out, char *message, size_t capacity);
void cort_session_release(const cort_library *library, cort_session *session);

/// An input or an output of a model.
typedef struct cort_port {
    /// The name, in UTF-8.
    char *name;
    /// What it is: a `cort_kind`.
    int32_t kind;
    /// Of a sequence, an optional or a map: the kind of its elements, contents or values. Else `kind`.
    int32_t inner_kind;
    /// Of a map, or a sequence of maps: the type of the keys. Else `CORT_TYPE_UNDEFINED`.
    int32_t key_type;
    /// The element type of the tensor, or of the tensors innermost in a container.
    int32_t element_type;
    /// The number of dimensions of that tensor; 0 for a scalar, and where the model says nothing.
    size_t rank;
    /// `rank` sizes; -1 where the size is not fixed.
    int64_t *dimensions;
    /// `rank` names of sizes that are not fixed, such as "batch"; empty where there is none.
    char **symbols;
} cort_port;

int32_t cort_session_input_count(const cort_library *library, const cort_session *session, size_t *out, char *message,
                                 size_t capacity);
int32_t cort_session_output_count(const cort_library *library, const cort_session *session, size_t *out, char *message,
                                  size_t capacity);

/// Describes an input. Release with `cort_port_release`.
int32_t cort_session_input(const cort_library *library, const cort_session *session, size_t index, cort_port **out,
                           char *message, size_t capacity);

/// Describes an output. Release with `cort_port_release`.
int32_t cort_session_output(const cort_library *library, const cort_session *session, size_t index, cort_port **out,
                            char *message, size_t capacity);
void cort_port_release(cort_port *port);

/// What a model says about itself. Texts are empty where it says nothing.
typedef struct cort_metadata {
    char *producer;
    char *graph;
    char *domain;
    char *description;
    char *graph_description;
    int64_t version;
    /// The number of custom entries.
    size_t custom_count;
    char **custom_keys;
    char **custom_values;
} cort_metadata;

/// Reads the metadata. Release with `cort_metadata_release`.
int32_t cort_session_metadata(const cort_library *library, const cort_session *session, cort_metadata **out,
                              char *message, size_t capacity);
void cort_metadata_release(cort_metadata *metadata);

// MARK: - Run

int32_t cort_run_options_create(const cort_library *library, cort_run_options **out, char *message, size_t capacity);
void cort_run_options_release(const cort_library *library, cort_run_options *options);

/// Ends the runs that use these options, and refuses later ones, from any thread. A run ends between
/// two operators, with `CORT_ERROR_CANCELLED`.
int32_t cort_run_options_terminate(const cort_library *library, cort_run_options *options, char *message,
                                   size_t capacity);

/// Runs a model: `inputs` by their names, to the outputs that are named.
///
/// `options` may be NULL. `outputs` has `output_count` places: where it holds NULL the result is put,
/// to be released by the caller; where it holds a tensor, the result is written into that. On failure
/// the places that held NULL hold NULL again.
int32_t cort_session_run(const cort_library *library, cort_session *session, cort_run_options *options,
                         const char *const *input_names, const cort_value *const *inputs, size_t input_count,
                         const char *const *output_names, size_t output_count, cort_value **outputs, char *message,
                         size_t capacity);

// MARK: - Values

/// Makes a tensor over memory of the caller, row-major, of any type but strings. The memory must live
/// and stay in place as long as the tensor. `bytes` is its length.
int32_t cort_tensor_create(const cort_library *library, int32_t element_type, const int64_t *shape, size_t rank,
                           void *data, size_t bytes, cort_value **out, char *message, size_t capacity);

/// Makes a tensor of `count` strings, which are copied. `count` must be the product of `shape`.
int32_t cort_tensor_create_strings(const cort_library *library, const char *const *strings, size_t count,
                                   const int64_t *shape, size_t rank, cort_value **out, char *message, size_t capacity);
void cort_value_release(const cort_library *library, cort_value *value);

/// The `cort_kind` of a value.
int32_t cort_value_kind(const cort_library *library, const cort_value *value, int32_t *out, char *message,
                        size_t capacity);

/// Whether a value is there; false for an optional without contents.
int32_t cort_value_exists(const cort_library *library, const cort_value *value, bool *out, char *message,
                          size_t capacity);

/// The element type, the number of dimensions and the number of elements of a tensor.
int32_t cort_tensor_info(const cort_library *library, const cort_value *value, int32_t *element_type, size_t *rank,
                         size_t *count, char *message, size_t capacity);

/// Writes the sizes of a tensor's dimensions; `rank` as `cort_tensor_info` gives it.
int32_t cort_tensor_shape(const cort_library *library, const cort_value *value, int64_t *shape, size_t rank,
                          char *message, size_t capacity);

/// The elements of a tensor of any type but strings, row-major. Lives as long as the value.
int32_t cort_tensor_data(const cort_library *library, const cort_value *value, const void **out, char *message,
                         size_t capacity);

/// The bytes that the strings of a tensor take together, without ends.
int32_t cort_tensor_strings_length(const cort_library *library, const cort_value *value, size_t *out, char *message,
                                   size_t capacity);

/// Writes the strings of a tensor one after the other into `bytes`, and where each starts into
/// `offsets`, which has as many places as the tensor has elements.
int32_t cort_tensor_strings(const cort_library *library, const cort_value *value, void *bytes, size_t length,
                            size_t *offsets, size_t count, char *message, size_t capacity);

/// The number of elements of a sequence; 2 for a map.
int32_t cort_value_count(const cort_library *library, const cort_value *value, size_t *out, char *message,
                         size_t capacity);

/// An element of a sequence, or of a map the tensor of its keys (0) or of its values (1). A copy, to be
/// released by the caller.
int32_t cort_value_element(const cort_library *library, const cort_value *value, size_t index, cort_value **out,
                           char *message, size_t capacity);

/// Reads a sequence of `rows` maps that have the same `columns` keys and float values, as classifiers
/// put out, into a row-major matrix `out`. The columns are in the order of the keys of the first map.
/// Keys that differ give `CORT_ERROR_UNEXPECTED_VALUE`; `out` is then partly written.
int32_t cort_maps_read(const cort_library *library, const cort_value *sequence, size_t rows, size_t columns, float *out,
                       char *message, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
