/// DuckDB, opened at run time, behind a small flat C interface.
///
/// Nothing is linked: `cduck_library_open` opens a shared library by its path and looks up the
/// functions of DuckDB's C API that are used here. Queries and results only; no function for writing
/// into vectors, no extensions.
///
/// Errors: a function that can fail returns 0 or an error code (`cduck_error`) and, when it fails,
/// writes a message that ends in NUL into `message`, cut to `capacity` bytes. `message` may be NULL
/// when `capacity` is 0. Results (`out`) are written only on success.
///
/// Ownership: what a function hands out through `out` belongs to the caller, who gives it back to the
/// function named beside it. Those functions accept NULL. A library must outlive all that was made with
/// it, a connection its statements, results and appenders, a chunk its vectors. Texts that are passed
/// in are read during the call only.
///
/// Threads: a library and a database may be used by several threads at a time; a connection and what
/// was made with it by one. Only `cduck_interrupt` may be called from any thread while a query runs.

#ifndef CASEMATE_C_DUCKDB_H
#define CASEMATE_C_DUCKDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cduck_library cduck_library;
typedef struct cduck_database cduck_database;
typedef struct cduck_connection cduck_connection;
typedef struct cduck_statement cduck_statement;
typedef struct cduck_result cduck_result;
typedef struct cduck_chunk cduck_chunk;
typedef struct cduck_vector cduck_vector;
typedef struct cduck_appender cduck_appender;

/// Error codes. 1 to 99 are DuckDB's own types of errors, of which those that a caller may tell apart
/// are named.
enum cduck_error {
    CDUCK_OK = 0,
    CDUCK_ERROR_OUT_OF_RANGE = 1,
    CDUCK_ERROR_CONVERSION = 2,
    CDUCK_ERROR_NOT_IMPLEMENTED = 11,
    CDUCK_ERROR_CATALOG = 13,
    CDUCK_ERROR_PARSER = 14,
    CDUCK_ERROR_BINDER = 24,
    CDUCK_ERROR_IO = 28,
    CDUCK_ERROR_INTERRUPTED = 29,
    CDUCK_ERROR_INVALID_INPUT = 32,
    CDUCK_ERROR_OUT_OF_MEMORY = 33,
    CDUCK_ERROR_PERMISSION = 34,
    CDUCK_ERROR_MISSING_EXTENSION = 39,
    CDUCK_ERROR_AUTOLOAD = 40,
    /// The library cannot be opened, or is not DuckDB.
    CDUCK_ERROR_LIBRARY = 100,
    /// No memory left outside DuckDB.
    CDUCK_ERROR_MEMORY = 101,
    /// DuckDB refused and tells no type of error.
    CDUCK_ERROR_ENGINE = 199,
};

/// Types of columns, as DuckDB numbers them.
enum cduck_type {
    CDUCK_TYPE_INVALID = 0,
    CDUCK_TYPE_BOOLEAN = 1,
    CDUCK_TYPE_TINYINT = 2,
    CDUCK_TYPE_SMALLINT = 3,
    CDUCK_TYPE_INTEGER = 4,
    CDUCK_TYPE_BIGINT = 5,
    CDUCK_TYPE_UTINYINT = 6,
    CDUCK_TYPE_USMALLINT = 7,
    CDUCK_TYPE_UINTEGER = 8,
    CDUCK_TYPE_UBIGINT = 9,
    CDUCK_TYPE_FLOAT = 10,
    CDUCK_TYPE_DOUBLE = 11,
    /// Microseconds since 1970 (int64).
    CDUCK_TYPE_TIMESTAMP = 12,
    /// Days since 1970 (int32).
    CDUCK_TYPE_DATE = 13,
    /// Microseconds since midnight (int64).
    CDUCK_TYPE_TIME = 14,
    CDUCK_TYPE_INTERVAL = 15,
    /// Sixteen bytes, the lower eight first.
    CDUCK_TYPE_HUGEINT = 16,
    /// Text in UTF-8: `cduck_string`.
    CDUCK_TYPE_VARCHAR = 17,
    /// Bytes: `cduck_string`.
    CDUCK_TYPE_BLOB = 18,
    /// An integer of `cduck_result_decimal`'s storage type, to be divided by ten to its scale.
    CDUCK_TYPE_DECIMAL = 19,
    CDUCK_TYPE_TIMESTAMP_S = 20,
    CDUCK_TYPE_TIMESTAMP_MS = 21,
    CDUCK_TYPE_TIMESTAMP_NS = 22,
    /// An index of `cduck_result_enum`'s storage type into the dictionary.
    CDUCK_TYPE_ENUM = 23,
    CDUCK_TYPE_LIST = 24,
    CDUCK_TYPE_STRUCT = 25,
    CDUCK_TYPE_MAP = 26,
    CDUCK_TYPE_UUID = 27,
    CDUCK_TYPE_UNION = 28,
    CDUCK_TYPE_BIT = 29,
    CDUCK_TYPE_TIME_TZ = 30,
    CDUCK_TYPE_TIMESTAMP_TZ = 31,
    CDUCK_TYPE_UHUGEINT = 32,
    CDUCK_TYPE_ARRAY = 33,
    CDUCK_TYPE_ANY = 34,
    CDUCK_TYPE_VARINT = 35,
    CDUCK_TYPE_SQLNULL = 36,
    CDUCK_TYPE_STRING_LITERAL = 37,
    CDUCK_TYPE_INTEGER_LITERAL = 38,
    CDUCK_TYPE_TIME_NS = 39,
};

// MARK: - Library

/// Opens the shared library at `path`. Returns NULL on failure. Free with `cduck_library_close`.
///
/// `stub` is NULL for a plain DuckDB. For the library out of DuckDB's Python wheel it is the path of the
/// library that `Scripts/make-duckdb-stub` makes beside it: that depends on the wheel's library and
/// defines what this leaves undefined, so opening it first loads both without Python, and without
/// putting a symbol into the global scope.
cduck_library *cduck_library_open(const char *path, const char *stub, char *message, size_t capacity);

/// Frees the handle. The library itself stays mapped.
void cduck_library_close(cduck_library *library);

/// The version of DuckDB, such as "v1.2.0". Lives as long as the library.
const char *cduck_version(const cduck_library *library);

// MARK: - Databases and connections

/// Opens a database in memory, with `count` settings such as "threads" and "2", or "memory_limit" and
/// "4GB". Extensions are neither installed nor loaded by themselves, unless a setting says so. Close
/// with `cduck_database_close`.
int32_t cduck_database_open(const cduck_library *library, const char *const *keys, const char *const *values,
                            size_t count, cduck_database **out, char *message, size_t capacity);
void cduck_database_close(const cduck_library *library, cduck_database *database);

/// Close with `cduck_disconnect`.
int32_t cduck_connect(const cduck_library *library, cduck_database *database, cduck_connection **out, char *message,
                      size_t capacity);
void cduck_disconnect(const cduck_library *library, cduck_connection *connection);

/// Makes the query that runs on the connection fail with `CDUCK_ERROR_INTERRUPTED`, from any thread.
/// Does nothing when none runs.
void cduck_interrupt(const cduck_library *library, cduck_connection *connection);

// MARK: - Queries

/// Runs SQL, one or more statements, and keeps the whole result of the last. `out` may be NULL when the
/// result is of no interest. Free with `cduck_result_free`.
int32_t cduck_query(const cduck_library *library, cduck_connection *connection, const char *sql, cduck_result **out,
                    char *message, size_t capacity);

/// Prepares one statement with parameters `?` or `$1`. Free with `cduck_statement_free`.
int32_t cduck_prepare(const cduck_library *library, cduck_connection *connection, const char *sql,
                      cduck_statement **out, char *message, size_t capacity);
void cduck_statement_free(const cduck_library *library, cduck_statement *statement);

/// The number of parameters.
size_t cduck_parameter_count(const cduck_library *library, const cduck_statement *statement);

/// Whether the statement is a SELECT, which changes nothing.
bool cduck_statement_is_select(const cduck_library *library, cduck_statement *statement);

/// Sets the parameter at `index`, counted from 1, to a text of `length` bytes in UTF-8.
int32_t cduck_bind_text(const cduck_library *library, cduck_statement *statement, size_t index, const char *text,
                        size_t length, char *message, size_t capacity);
int32_t cduck_bind_double(const cduck_library *library, cduck_statement *statement, size_t index, double value,
                          char *message, size_t capacity);
int32_t cduck_bind_int64(const cduck_library *library, cduck_statement *statement, size_t index, int64_t value,
                         char *message, size_t capacity);
int32_t cduck_bind_bool(const cduck_library *library, cduck_statement *statement, size_t index, bool value,
                        char *message, size_t capacity);
int32_t cduck_bind_null(const cduck_library *library, cduck_statement *statement, size_t index, char *message,
                        size_t capacity);

/// Runs a prepared statement. With `stream`, rows are computed as chunks are asked for, and the
/// connection can do nothing else until the result is freed. Free with `cduck_result_free`.
int32_t cduck_execute(const cduck_library *library, cduck_statement *statement, bool stream, cduck_result **out,
                      char *message, size_t capacity);

// MARK: - Results

void cduck_result_free(const cduck_library *library, cduck_result *result);

size_t cduck_result_column_count(const cduck_library *library, const cduck_result *result);

/// The number of rows that an INSERT, UPDATE or DELETE changed.
uint64_t cduck_result_rows_changed(const cduck_library *library, const cduck_result *result);

/// The name of a column in UTF-8; NULL beyond the last. Lives as long as the result.
const char *cduck_result_column_name(const cduck_library *library, const cduck_result *result, size_t column);

/// The `cduck_type` of a column.
int32_t cduck_result_column_type(const cduck_library *library, const cduck_result *result, size_t column);

/// Of a DECIMAL column: its digits, those behind the point, and the type in which it is stored
/// (SMALLINT, INTEGER, BIGINT or HUGEINT). False for a column of another type.
bool cduck_result_decimal(const cduck_library *library, const cduck_result *result, size_t column, int32_t *width,
                          int32_t *scale, int32_t *storage);

/// Of an ENUM column: the size of its dictionary and the type in which indices are stored (UTINYINT,
/// USMALLINT or UINTEGER). False for a column of another type.
bool cduck_result_enum(const cduck_library *library, const cduck_result *result, size_t column, size_t *size,
                       int32_t *storage);

/// An entry of an ENUM column's dictionary, as text that ends in NUL; NULL when there is none. Free with
/// `cduck_text_free`.
char *cduck_result_enum_value(const cduck_library *library, const cduck_result *result, size_t column, size_t index);
void cduck_text_free(const cduck_library *library, char *text);

/// Takes the next rows, at most 2,048; NULL behind the last. Free with `cduck_chunk_free`.
int32_t cduck_result_next(const cduck_library *library, cduck_result *result, cduck_chunk **out, char *message,
                          size_t capacity);
void cduck_chunk_free(const cduck_library *library, cduck_chunk *chunk);

/// The number of rows of a chunk.
size_t cduck_chunk_size(const cduck_library *library, const cduck_chunk *chunk);

/// A column of a chunk. Lives as long as the chunk.
cduck_vector *cduck_chunk_column(const cduck_library *library, const cduck_chunk *chunk, size_t column);

/// The values of a column, one a row, of the type's size. Those of missing rows mean nothing.
const void *cduck_vector_data(const cduck_library *library, const cduck_vector *vector);

/// A bit a row that is set where there is a value: row `r` is bit `r % 64` of word `r / 64`. NULL when
/// no row is missing.
const uint64_t *cduck_vector_validity(const cduck_library *library, const cduck_vector *vector);

/// A text or bytes in a vector: up to 12 bytes are held in place, longer ones behind a pointer.
typedef struct cduck_string {
    uint32_t length;
    /// The bytes, or the first four of them.
    char prefix[4];
    /// Bytes 5 to 12, or a pointer to all.
    union {
        char rest[8];
        const char *pointer;
    } tail;
} cduck_string;

/// The bytes of a string, `length` of them without an end. They live as long as the chunk, and `string`
/// must be the one in the vector, not a copy.
static inline const char *cduck_string_bytes(const cduck_string *string) {
    return string->length <= 12 ? (const char *)string + sizeof(uint32_t) : string->tail.pointer;
}

// MARK: - Appending

/// Appends rows to a table of the main schema, much faster than INSERT. Free with
/// `cduck_appender_free`.
int32_t cduck_appender_create(const cduck_library *library, cduck_connection *connection, const char *table,
                              cduck_appender **out, char *message, size_t capacity);
int32_t cduck_append_double(const cduck_library *library, cduck_appender *appender, double value, char *message,
                            size_t capacity);
int32_t cduck_append_int64(const cduck_library *library, cduck_appender *appender, int64_t value, char *message,
                           size_t capacity);
int32_t cduck_append_bool(const cduck_library *library, cduck_appender *appender, bool value, char *message,
                          size_t capacity);
int32_t cduck_append_text(const cduck_library *library, cduck_appender *appender, const char *text, size_t length,
                          char *message, size_t capacity);
int32_t cduck_append_null(const cduck_library *library, cduck_appender *appender, char *message, size_t capacity);

/// Ends a row, for which each column must have been appended.
int32_t cduck_appender_end_row(const cduck_library *library, cduck_appender *appender, char *message, size_t capacity);

/// Writes the rows that wait; nothing can be appended afterwards.
int32_t cduck_appender_close(const cduck_library *library, cduck_appender *appender, char *message, size_t capacity);
void cduck_appender_free(const cduck_library *library, cduck_appender *appender);

#ifdef __cplusplus
}
#endif

#endif
