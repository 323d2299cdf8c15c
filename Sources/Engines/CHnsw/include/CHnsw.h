// Nearest neighbours by hnswlib, in memory only: its own loader trusts lengths in files, so it is not reachable here.
#ifndef CASEMATE_CHNSW_H
#define CASEMATE_CHNSW_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct chnsw_index chnsw_index;

/// An empty index for at most `capacity` points of `width` numbers under squared Euclidean distance; null when there
/// is no memory. `links`, `building` and `searching` are M, ef_construction and ef; `seed` fixes the levels of points.
chnsw_index *_Nullable chnsw_create(
    size_t width, size_t capacity, size_t links, size_t building, size_t searching, uint64_t seed);

/// Adds a point under an identifier that was not used before. Returns 0, or -1 when it cannot be added.
int32_t chnsw_add(chnsw_index *_Nonnull index, const float *_Nonnull point, uint64_t identifier);

/// Finds up to `count` neighbours, the nearest first. Writes identifiers and squared distances, returns how many, or
/// -1. Several threads may search at once while nobody adds.
int64_t chnsw_search(
    const chnsw_index *_Nonnull index, const float *_Nonnull point, size_t count, uint64_t *_Nonnull identifiers,
    float *_Nonnull distances);

/// Frees an index.
void chnsw_free(chnsw_index *_Nullable index);

#ifdef __cplusplus
}
#endif

#endif
