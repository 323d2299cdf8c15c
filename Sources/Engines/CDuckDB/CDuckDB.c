// DuckDB behind the interface of CDuckDB.h.

#include "CDuckDB.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// DuckDB's own result, which it fills and takes by value.
typedef struct {
    uint64_t column_count;
    uint64_t row_count;
    uint64_t rows_changed;
    void *columns;
    char *error_message;
    void *internal_data;
} NativeResult;

struct cduck_result {
    NativeResult native;
};

typedef struct Config Config;
typedef struct LogicalType LogicalType;

/// The functions used here: result, name, parameters. Those that return `int` give 0 on success, but
/// for types.
// clang-format off
#define FUNCTIONS(entry)                                                                                            \
    entry(const char *, library_version, (void))                                                                    \
    entry(void, free, (void *memory))                                                                               \
    entry(int, create_config, (Config **out))                                                                       \
    entry(int, set_config, (Config *config, const char *key, const char *value))                                    \
    entry(void, destroy_config, (Config **config))                                                                  \
    entry(int, open_ext, (const char *path, cduck_database **out, Config *config, char **error))                    \
    entry(void, close, (cduck_database **database))                                                                 \
    entry(int, connect, (cduck_database *database, cduck_connection **out))                                         \
    entry(void, disconnect, (cduck_connection **connection))                                                        \
    entry(void, interrupt, (cduck_connection *connection))                                                          \
    entry(int, query, (cduck_connection *connection, const char *sql, NativeResult *out))                           \
    entry(int, prepare, (cduck_connection *connection, const char *sql, cduck_statement **out))                     \
    entry(const char *, prepare_error, (cduck_statement *statement))                                                \
    entry(void, destroy_prepare, (cduck_statement **statement))                                                     \
    entry(uint64_t, nparams, (const cduck_statement *statement))                                                    \
    entry(int, prepared_statement_type, (cduck_statement *statement))                                               \
    entry(int, bind_varchar_length, (cduck_statement *statement, uint64_t index, const char *text, uint64_t length))\
    entry(int, bind_double, (cduck_statement *statement, uint64_t index, double value))                             \
    entry(int, bind_int64, (cduck_statement *statement, uint64_t index, int64_t value))                             \
    entry(int, bind_boolean, (cduck_statement *statement, uint64_t index, bool value))                              \
    entry(int, bind_null, (cduck_statement *statement, uint64_t index))                                             \
    entry(int, execute_prepared, (cduck_statement *statement, NativeResult *out))                                   \
    entry(int, execute_prepared_streaming, (cduck_statement *statement, NativeResult *out))                         \
    entry(void, destroy_result, (NativeResult *result))                                                             \
    entry(const char *, result_error, (NativeResult *result))                                                       \
    entry(int, result_error_type, (NativeResult *result))                                                           \
    entry(uint64_t, column_count, (const NativeResult *result))                                                     \
    entry(const char *, column_name, (const NativeResult *result, uint64_t column))                                 \
    entry(int, column_type, (const NativeResult *result, uint64_t column))                                          \
    entry(LogicalType *, column_logical_type, (const NativeResult *result, uint64_t column))                        \
    entry(void, destroy_logical_type, (LogicalType **type))                                                         \
    entry(uint8_t, decimal_width, (LogicalType *type))                                                              \
    entry(uint8_t, decimal_scale, (LogicalType *type))                                                              \
    entry(int, decimal_internal_type, (LogicalType *type))                                                          \
    entry(int, enum_internal_type, (LogicalType *type))                                                             \
    entry(uint32_t, enum_dictionary_size, (LogicalType *type))                                                      \
    entry(char *, enum_dictionary_value, (LogicalType *type, uint64_t index))                                       \
    entry(uint64_t, rows_changed, (const NativeResult *result))                                                     \
    entry(cduck_chunk *, fetch_chunk, (NativeResult result))                                                        \
    entry(void, destroy_data_chunk, (cduck_chunk **chunk))                                                          \
    entry(uint64_t, data_chunk_get_size, (const cduck_chunk *chunk))                                                \
    entry(cduck_vector *, data_chunk_get_vector, (const cduck_chunk *chunk, uint64_t column))                       \
    entry(void *, vector_get_data, (const cduck_vector *vector))                                                    \
    entry(uint64_t *, vector_get_validity, (const cduck_vector *vector))                                            \
    entry(int, appender_create,                                                                                     \
          (cduck_connection *connection, const char *schema, const char *table, cduck_appender **out))              \
    entry(const char *, appender_error, (cduck_appender *appender))                                                 \
    entry(int, append_double, (cduck_appender *appender, double value))                                             \
    entry(int, append_int64, (cduck_appender *appender, int64_t value))                                             \
    entry(int, append_bool, (cduck_appender *appender, bool value))                                                 \
    entry(int, append_varchar_length, (cduck_appender *appender, const char *text, uint64_t length))                \
    entry(int, append_null, (cduck_appender *appender))                                                             \
    entry(int, appender_end_row, (cduck_appender *appender))                                                        \
    entry(int, appender_close, (cduck_appender *appender))                                                          \
    entry(int, appender_destroy, (cduck_appender **appender))
// clang-format on

#define MEMBER(result, name, parameters) result(*name) parameters;
struct cduck_library {
    FUNCTIONS(MEMBER)
};

// MARK: - Errors

static int32_t fail(int32_t code, const char *text, char *message, size_t capacity) {
    if (message != NULL && capacity > 0) snprintf(message, capacity, "%s", text);
    return code;
}

/// A failure of DuckDB's, with its text if it gives one.
static int32_t fail_engine(const char *text, const char *otherwise, char *message, size_t capacity) {
    return fail(CDUCK_ERROR_ENGINE, text != NULL && *text != 0 ? text : otherwise, message, capacity);
}

/// The code and the message of a result that failed.
static int32_t fail_result(const cduck_library *library, NativeResult *result, char *message, size_t capacity) {
    int type = library->result_error_type(result);
    int32_t code = fail_engine(library->result_error(result), "DuckDB gives no reason", message, capacity);
    return type > 0 && type < CDUCK_ERROR_LIBRARY ? type : code;
}

// MARK: - Library

cduck_library *cduck_library_open(const char *path, const char *stub, char *message, size_t capacity) {
    // Opened lazily, for the functions of Python that are never called; never closed, for the threads
    // that are started. A stub brings the library at `path` with it, in one scope.
    void *handle =
        stub == NULL || dlopen(stub, RTLD_LAZY | RTLD_LOCAL) != NULL ? dlopen(path, RTLD_LAZY | RTLD_LOCAL) : NULL;
    if (handle == NULL) {
        const char *reason = dlerror();
        fail(CDUCK_ERROR_LIBRARY, reason != NULL ? reason : "the library cannot be opened", message, capacity);
        return NULL;
    }
    cduck_library *library = calloc(1, sizeof *library);
    if (library == NULL) {
        fail(CDUCK_ERROR_MEMORY, "no memory left", message, capacity);
        return NULL;
    }
#define LOOK_UP(result, name, parameters)                                                                              \
    library->name = (result(*) parameters)(uintptr_t)dlsym(handle, "duckdb_" #name);                                   \
    if (library->name == NULL) {                                                                                       \
        if (message != NULL && capacity > 0)                                                                           \
            snprintf(message, capacity, "%s is not a DuckDB that can be used: it lacks duckdb_" #name, path);          \
        free(library);                                                                                                 \
        return NULL;                                                                                                   \
    }
    FUNCTIONS(LOOK_UP)
    return library;
}

void cduck_library_close(cduck_library *library) { free(library); }

const char *cduck_version(const cduck_library *library) { return library->library_version(); }

// MARK: - Databases and connections

static int32_t set_config(const cduck_library *library, Config *config, const char *key, const char *value,
                          char *message, size_t capacity) {
    if (library->set_config(config, key, value) == 0) return CDUCK_OK;
    if (message != NULL && capacity > 0)
        snprintf(message, capacity, "DuckDB does not take the setting %s=%s", key, value);
    return CDUCK_ERROR_ENGINE;
}

int32_t cduck_database_open(const cduck_library *library, const char *const *keys, const char *const *values,
                            size_t count, cduck_database **out, char *message, size_t capacity) {
    Config *config = NULL;
    if (library->create_config(&config) != 0)
        return fail(CDUCK_ERROR_ENGINE, "DuckDB makes no configuration", message, capacity);
    int32_t code = set_config(library, config, "autoinstall_known_extensions", "false", message, capacity);
    if (code == CDUCK_OK) code = set_config(library, config, "autoload_known_extensions", "false", message, capacity);
    for (size_t index = 0; code == CDUCK_OK && index < count; index++)
        code = set_config(library, config, keys[index], values[index], message, capacity);
    if (code == CDUCK_OK) {
        cduck_database *database = NULL;
        char *error = NULL;
        if (library->open_ext(NULL, &database, config, &error) == 0) {
            *out = database;
        } else {
            code = fail_engine(error, "DuckDB opens no database", message, capacity);
            library->free(error);
        }
    }
    library->destroy_config(&config);
    return code;
}

void cduck_database_close(const cduck_library *library, cduck_database *database) {
    if (database != NULL) library->close(&database);
}

int32_t cduck_connect(const cduck_library *library, cduck_database *database, cduck_connection **out, char *message,
                      size_t capacity) {
    cduck_connection *connection = NULL;
    if (library->connect(database, &connection) != 0)
        return fail(CDUCK_ERROR_ENGINE, "DuckDB makes no connection", message, capacity);
    *out = connection;
    return CDUCK_OK;
}

void cduck_disconnect(const cduck_library *library, cduck_connection *connection) {
    if (connection != NULL) library->disconnect(&connection);
}

void cduck_interrupt(const cduck_library *library, cduck_connection *connection) { library->interrupt(connection); }

// MARK: - Queries

/// Hands out a result that DuckDB has filled, or frees it and tells what failed.
static int32_t finish(const cduck_library *library, int status, NativeResult *native, cduck_result **out, char *message,
                      size_t capacity) {
    int32_t code = status == 0 ? CDUCK_OK : fail_result(library, native, message, capacity);
    cduck_result *result = NULL;
    if (code == CDUCK_OK && out != NULL) {
        result = malloc(sizeof *result);
        if (result == NULL) code = fail(CDUCK_ERROR_MEMORY, "no memory left", message, capacity);
    }
    if (result == NULL) {
        library->destroy_result(native);
        return code;
    }
    result->native = *native;
    *out = result;
    return CDUCK_OK;
}

int32_t cduck_query(const cduck_library *library, cduck_connection *connection, const char *sql, cduck_result **out,
                    char *message, size_t capacity) {
    NativeResult native = {0};
    int status = library->query(connection, sql, &native);
    return finish(library, status, &native, out, message, capacity);
}

int32_t cduck_prepare(const cduck_library *library, cduck_connection *connection, const char *sql,
                      cduck_statement **out, char *message, size_t capacity) {
    cduck_statement *statement = NULL;
    if (library->prepare(connection, sql, &statement) != 0) {
        int32_t code = fail_engine(statement != NULL ? library->prepare_error(statement) : NULL,
                                   "DuckDB prepares no statement", message, capacity);
        cduck_statement_free(library, statement);
        return code;
    }
    *out = statement;
    return CDUCK_OK;
}

void cduck_statement_free(const cduck_library *library, cduck_statement *statement) {
    if (statement != NULL) library->destroy_prepare(&statement);
}

size_t cduck_parameter_count(const cduck_library *library, const cduck_statement *statement) {
    return (size_t)library->nparams(statement);
}

bool cduck_statement_is_select(const cduck_library *library, cduck_statement *statement) {
    return library->prepared_statement_type(statement) == 1; // DUCKDB_STATEMENT_TYPE_SELECT
}

static int32_t bound(const cduck_library *library, cduck_statement *statement, int status, char *message,
                     size_t capacity) {
    if (status == 0) return CDUCK_OK;
    return fail_engine(library->prepare_error(statement), "DuckDB does not take the value of a parameter", message,
                       capacity);
}

int32_t cduck_bind_text(const cduck_library *library, cduck_statement *statement, size_t index, const char *text,
                        size_t length, char *message, size_t capacity) {
    return bound(library, statement, library->bind_varchar_length(statement, index, text, length), message, capacity);
}

int32_t cduck_bind_double(const cduck_library *library, cduck_statement *statement, size_t index, double value,
                          char *message, size_t capacity) {
    return bound(library, statement, library->bind_double(statement, index, value), message, capacity);
}

int32_t cduck_bind_int64(const cduck_library *library, cduck_statement *statement, size_t index, int64_t value,
                         char *message, size_t capacity) {
    return bound(library, statement, library->bind_int64(statement, index, value), message, capacity);
}

int32_t cduck_bind_bool(const cduck_library *library, cduck_statement *statement, size_t index, bool value,
                        char *message, size_t capacity) {
    return bound(library, statement, library->bind_boolean(statement, index, value), message, capacity);
}

int32_t cduck_bind_null(const cduck_library *library, cduck_statement *statement, size_t index, char *message,
                        size_t capacity) {
    return bound(library, statement, library->bind_null(statement, index), message, capacity);
}

int32_t cduck_execute(const cduck_library *library, cduck_statement *statement, bool stream, cduck_result **out,
                      char *message, size_t capacity) {
    NativeResult native = {0};
    int status = stream ? library->execute_prepared_streaming(statement, &native)
                        : library->execute_prepared(statement, &native);
    return finish(library, status, &native, out, message, capacity);
}

// MARK: - Results

void cduck_result_free(const cduck_library *library, cduck_result *result) {
    if (result == NULL) return;
    library->destroy_result(&result->native);
    free(result);
}

size_t cduck_result_column_count(const cduck_library *library, const cduck_result *result) {
    return (size_t)library->column_count(&result->native);
}

uint64_t cduck_result_rows_changed(const cduck_library *library, const cduck_result *result) {
    return library->rows_changed(&result->native);
}

const char *cduck_result_column_name(const cduck_library *library, const cduck_result *result, size_t column) {
    return library->column_name(&result->native, column);
}

int32_t cduck_result_column_type(const cduck_library *library, const cduck_result *result, size_t column) {
    return library->column_type(&result->native, column);
}

bool cduck_result_decimal(const cduck_library *library, const cduck_result *result, size_t column, int32_t *width,
                          int32_t *scale, int32_t *storage) {
    if (cduck_result_column_type(library, result, column) != CDUCK_TYPE_DECIMAL) return false;
    LogicalType *type = library->column_logical_type(&result->native, column);
    if (type == NULL) return false;
    *width = library->decimal_width(type);
    *scale = library->decimal_scale(type);
    *storage = library->decimal_internal_type(type);
    library->destroy_logical_type(&type);
    return true;
}

bool cduck_result_enum(const cduck_library *library, const cduck_result *result, size_t column, size_t *size,
                       int32_t *storage) {
    if (cduck_result_column_type(library, result, column) != CDUCK_TYPE_ENUM) return false;
    LogicalType *type = library->column_logical_type(&result->native, column);
    if (type == NULL) return false;
    *size = library->enum_dictionary_size(type);
    *storage = library->enum_internal_type(type);
    library->destroy_logical_type(&type);
    return true;
}

char *cduck_result_enum_value(const cduck_library *library, const cduck_result *result, size_t column, size_t index) {
    if (cduck_result_column_type(library, result, column) != CDUCK_TYPE_ENUM) return NULL;
    LogicalType *type = library->column_logical_type(&result->native, column);
    if (type == NULL) return NULL;
    char *text = index < library->enum_dictionary_size(type) ? library->enum_dictionary_value(type, index) : NULL;
    library->destroy_logical_type(&type);
    return text;
}

void cduck_text_free(const cduck_library *library, char *text) {
    if (text != NULL) library->free(text);
}

int32_t cduck_result_next(const cduck_library *library, cduck_result *result, cduck_chunk **out, char *message,
                          size_t capacity) {
    cduck_chunk *chunk = library->fetch_chunk(result->native);
    if (chunk == NULL) {
        // The end, or what went wrong while rows of a stream were computed.
        const char *error = library->result_error(&result->native);
        if (error != NULL && *error != 0) return fail_result(library, &result->native, message, capacity);
    } else if (library->data_chunk_get_size(chunk) == 0) {
        library->destroy_data_chunk(&chunk);
        chunk = NULL;
    }
    *out = chunk;
    return CDUCK_OK;
}

void cduck_chunk_free(const cduck_library *library, cduck_chunk *chunk) {
    if (chunk != NULL) library->destroy_data_chunk(&chunk);
}

size_t cduck_chunk_size(const cduck_library *library, const cduck_chunk *chunk) {
    return (size_t)library->data_chunk_get_size(chunk);
}

cduck_vector *cduck_chunk_column(const cduck_library *library, const cduck_chunk *chunk, size_t column) {
    return library->data_chunk_get_vector(chunk, column);
}

const void *cduck_vector_data(const cduck_library *library, const cduck_vector *vector) {
    return library->vector_get_data(vector);
}

const uint64_t *cduck_vector_validity(const cduck_library *library, const cduck_vector *vector) {
    return library->vector_get_validity(vector);
}

// MARK: - Appending

static int32_t appended(const cduck_library *library, cduck_appender *appender, int status, char *message,
                        size_t capacity) {
    if (status == 0) return CDUCK_OK;
    return fail_engine(library->appender_error(appender), "DuckDB does not append", message, capacity);
}

int32_t cduck_appender_create(const cduck_library *library, cduck_connection *connection, const char *table,
                              cduck_appender **out, char *message, size_t capacity) {
    cduck_appender *appender = NULL;
    if (library->appender_create(connection, NULL, table, &appender) != 0) {
        int32_t code = fail_engine(appender != NULL ? library->appender_error(appender) : NULL,
                                   "DuckDB makes no appender", message, capacity);
        cduck_appender_free(library, appender);
        return code;
    }
    *out = appender;
    return CDUCK_OK;
}

int32_t cduck_append_double(const cduck_library *library, cduck_appender *appender, double value, char *message,
                            size_t capacity) {
    return appended(library, appender, library->append_double(appender, value), message, capacity);
}

int32_t cduck_append_int64(const cduck_library *library, cduck_appender *appender, int64_t value, char *message,
                           size_t capacity) {
    return appended(library, appender, library->append_int64(appender, value), message, capacity);
}

int32_t cduck_append_bool(const cduck_library *library, cduck_appender *appender, bool value, char *message,
                          size_t capacity) {
    return appended(library, appender, library->append_bool(appender, value), message, capacity);
}

int32_t cduck_append_text(const cduck_library *library, cduck_appender *appender, const char *text, size_t length,
                          char *message, size_t capacity) {
    return appended(library, appender, library->append_varchar_length(appender, text, length), message, capacity);
}

int32_t cduck_append_null(const cduck_library *library, cduck_appender *appender, char *message, size_t capacity) {
    return appended(library, appender, library->append_null(appender), message, capacity);
}

int32_t cduck_appender_end_row(const cduck_library *library, cduck_appender *appender, char *message, size_t capacity) {
    return appended(library, appender, library->appender_end_row(appender), message, capacity);
}

int32_t cduck_appender_close(const cduck_library *library, cduck_appender *appender, char *message, size_t capacity) {
    return appended(library, appender, library->appender_close(appender), message, capacity);
}

void cduck_appender_free(const cduck_library *library, cduck_appender *appender) {
    if (appender != NULL) library->appender_destroy(&appender);
}
