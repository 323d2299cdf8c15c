// hnswlib behind the interface of CHnsw.h; no exception leaves this file.

#include "CHnsw.h"

#if !__has_include(<hnswlib/hnswlib.h>)
#error "the headers of hnswlib are missing: run 'make setup', or install libhnswlib-dev"
#endif

#include <hnswlib/hnswlib.h>

struct chnsw_index {
    chnsw_index(size_t width, size_t capacity, size_t links, size_t building, size_t searching, uint64_t seed)
        : space(width), graph(&space, capacity, links, building, seed) {
        // why here: a search that set it would share it with searches on other threads.
        graph.setEf(searching);
    }
    hnswlib::L2Space space;
    hnswlib::HierarchicalNSW<float> graph;
};

chnsw_index *chnsw_create(
    size_t width, size_t capacity, size_t links, size_t building, size_t searching, uint64_t seed) {
    try {
        return new chnsw_index(width, capacity, links, building, searching, seed);
    } catch (...) {
        return nullptr;
    }
}

int32_t chnsw_add(chnsw_index *index, const float *point, uint64_t identifier) {
    try {
        index->graph.addPoint(point, identifier);
        return 0;
    } catch (...) {
        return -1;
    }
}

int64_t chnsw_search(
    const chnsw_index *index, const float *point, size_t count, uint64_t *identifiers, float *distances) {
    try {
        if (index->graph.cur_element_count == 0) return 0;
        auto found = index->graph.searchKnn(point, count);
        const auto total = static_cast<int64_t>(found.size());
        for (int64_t place = total - 1; place >= 0; --place) {
            identifiers[place] = found.top().second;
            distances[place] = found.top().first;
            found.pop();
        }
        return total;
    } catch (...) {
        return -1;
    }
}

void chnsw_free(chnsw_index *index) { delete index; }
