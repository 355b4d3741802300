// Causal attention of packed, ragged rows over a paged cache, and what comes before it: the norm of
// queries and keys, their rotation, the write of keys and values into the cache.
//
// A lane is one query head of one row. The heads of a group and adjacent rows of a sequence share
// every key that is loaded: they lie side by side in vectors, while keys and values are broadcast,
// so that scores, softmax and sums never cross a lane. One code serves a decode row with 7 lanes and
// a chunk of a prompt with 64 at a time, and it reads the cache as it lies.
//
// Softmax is online (Milakov and Gimelshein 2018; Dao et al. 2022): keys in tiles from position 0 on,
// tiles in spans, each span summed up for itself and the spans merged in order (Dao et al. 2023,
// "Flash-Decoding"). Which keys meet in which sum depends on their positions alone, so a lane's result
// is the same bits whatever lanes stand beside it and whichever threads share the work. A key that a
// lane does not see has no part in its sums: a NaN there stays there.
#pragma once

#if defined(__AVX2__)
#include <immintrin.h>
#endif
#include <omp.h>

#include "activation.h"
#include "kernels.h"
#include "scratch.h"
#include "simd.h"

namespace KAMADO_TARGET {

using kamado::AttentionTask;

constexpr int kTileKeys = 64;
constexpr int kSpanKeys = 512;
constexpr int kMaxLaneVectors = kLanes == 16 ? 4 : 2;
constexpr int kMaxLanes = kMaxLaneVectors * kLanes;
// Few lanes run in half a register: it takes as long as they need, not as the widest would.
constexpr int kNarrow = kLanes == 16 ? 8 : kLanes;
typedef float NarrowFloats __attribute__((vector_size(kNarrow * 4)));
constexpr int kMaxKeys = kLanes > 8 ? kLanes : 8;  // scored at once

KAMADO_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
KAMADO_INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
KAMADO_INLINE int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Adjacent lanes of one sequence and one key head: lane = row * group_size + head of the group.
struct LaneTile {
    int64_t sequence;
    int64_t kv_head;
    int64_t first_lane;
    int64_t num_lanes;
};

// The positions that a tile's lanes stand at and see.
struct Reach {
    int64_t first_position;  // of the first lane
    int64_t last_position;
    int64_t first_key;  // that any lane sees

    Reach(const AttentionTask& task, const LaneTile& tile) {
        const int64_t group_size = task.num_heads / task.num_kv_heads;
        const int64_t position_of_row_0 = position(task, tile.sequence);
        first_position = position_of_row_0 + tile.first_lane / group_size;
        last_position = position_of_row_0 + (tile.first_lane + tile.num_lanes - 1) / group_size;
        first_key = task.window ? larger(0, first_position - task.window + 1) : 0;
    }

    static int64_t position(const AttentionTask& task, int64_t sequence) {
        return task.context_lens[sequence] -
               (task.query_starts[sequence + 1] - task.query_starts[sequence]);
    }

    bool is_one_position() const { return first_position == last_position; }
    int64_t first_span() const { return first_key / kSpanKeys; }
    int64_t last_span() const { return last_position / kSpanKeys; }
};

template <class Vector>
KAMADO_INLINE Vector load_vector(const float* p) {
    Vector v;
    memcpy(&v, p, sizeof v);
    return v;
}

template <class Vector>
KAMADO_INLINE void store_vector(float* p, Vector v) { memcpy(p, &v, sizeof v); }

// A tile's lanes in kCount vectors. Arrays of them are [row of the array][kWidth].
template <class VectorType, int kVectorCount>
struct Lanes {
    typedef VectorType Vector;
    typedef decltype(Vector{} < Vector{}) Integers;
    static constexpr int kCount = kVectorCount;
    static constexpr int kStep = sizeof(Vector) / sizeof(float);
    static constexpr int kWidth = kCount * kStep;
    // Keys that are scored at once, and dimensions whose values are summed at once: few chains of
    // additions wait for themselves, many do not fit into the registers. 16 dimensions are a line
    // of the cache.
    static constexpr int kKeys = kCount > 1 ? 4 : 8;
    static constexpr int kDimensions = kCount > 1 ? 4 : kLanes == 16 ? 16 : 8;
};

// What a tile's lanes have summed up over some keys.
template <class L>
struct Partial {
    float* sums;      // [head_dim][kWidth], weights times values
    float* maxima;    // [kWidth], of the scores
    float* weights;   // [kWidth], the sum of them, relative to the maximum

    static int64_t size(int64_t head_dim) { return (head_dim + 2) * L::kWidth; }

    Partial(float* data, int64_t head_dim)
        : sums(data), maxima(data + head_dim * L::kWidth), weights(maxima + L::kWidth) {}

    void clear(int64_t head_dim) {
        memset(sums, 0, head_dim * L::kWidth * sizeof(float));
        for (int i = 0; i < L::kWidth; i++) maxima[i] = -kInfinity, weights[i] = 0.0f;
    }
};

// The keys and values of one tile that some lane sees, none after the last. Those in [all_from,
// all_to) all lanes see.
struct KeyTile {
    int64_t first;  // position of keys[0]
    int64_t count;
    int64_t all_from;
    int64_t all_to;
    // The last key is repeated up to a whole number of those that are taken together.
    const float* keys[kTileKeys + kMaxKeys];
    const float* values[kTileKeys];

    KeyTile(const AttentionTask& task, const LaneTile& tile, const Reach& reach, int64_t start) {
        first = larger(start, reach.first_key);
        count = smaller(start + kTileKeys, reach.last_position + 1) - first;
        all_from = task.window ? larger(0, reach.last_position - task.window + 1 - first) : 0;
        all_to = smaller(count, reach.first_position + 1 - first);
        if (all_from >= all_to) all_from = all_to = count;
        const int32_t* table = task.block_tables + tile.sequence * task.max_blocks;
        const int64_t slot_size = task.num_kv_heads * task.stored_size;
        for (int64_t i = 0; i < count; i++) {
            int64_t block = table[(first + i) / task.block_size];
            int64_t slot = block * task.block_size + (first + i) % task.block_size;
            keys[i] = task.keys + slot * slot_size + tile.kv_head * task.stored_size;
            values[i] = task.values + slot * slot_size + tile.kv_head * task.stored_size;
        }
        pad();
    }

    void pad() {
        for (int i = 0; i < kMaxKeys && count > 0; i++) keys[count + i] = keys[count - 1];
    }

    bool has_hidden() const { return all_from > 0 || all_to < count; }

    // Blocks lie anywhere in memory, where no hardware foresees the next one.
    static void prefetch(const float* const* rows, int64_t count, int64_t stored_size) {
        for (int64_t i = 0; i < count; i++)
            for (int64_t d = 0; d < stored_size; d += 64 / sizeof(float))
                __builtin_prefetch(rows[i] + d, 0, 2);  // not into the small first cache
    }
};

// What one thread works with on one tile of lanes.
template <class L>
struct Workspace {
    float* unpacked;     // [2 * kTileKeys][head_dim]: keys and values of a cache of bytes
    float* queries;      // [head_dim][kWidth], scaled
    float* scores;       // [kTileKeys + kMaxKeys][kWidth], then the weights
    int32_t* positions;  // [kWidth]
    Partial<L> running;
    Partial<L> span;

    static int64_t size(int64_t head_dim) {
        return 2 * kTileKeys * head_dim + (head_dim + kTileKeys + kMaxKeys + 1) * L::kWidth +
               2 * Partial<L>::size(head_dim);
    }

    Workspace(float* data, int64_t head_dim)
        : unpacked(data),
          queries(unpacked + 2 * kTileKeys * head_dim),
          scores(queries + head_dim * L::kWidth),
          positions((int32_t*)(scores + (kTileKeys + kMaxKeys) * L::kWidth)),
          running((float*)(positions + L::kWidth), head_dim),
          span(running.sums + Partial<L>::size(head_dim), head_dim) {}
};

typedef int8_t Bytes __attribute__((vector_size(kLanes)));

// The compiler would widen them one by one.
KAMADO_INLINE Ints load_bytes(const int8_t* p) {
#if defined(__AVX512F__)
    return (Ints)_mm512_maskz_cvtepi8_epi32(0xffff, _mm_loadu_si128((const __m128i*)p));
#elif defined(__AVX2__)
    return (Ints)_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)p));
#else
    Bytes bytes;
    memcpy(&bytes, p, sizeof bytes);
    return __builtin_convertvector(bytes, Ints);
#endif
}

// A head of a cache of bytes is head_dim of them, then the float by which they were divided.
static void pack_head(const float* x, int64_t head_dim, float* stored) {
    Floats largest{};
    Ints is_nan{};
    for (int64_t d = 0; d < head_dim; d += kLanes) {
        Floats v = load(x + d);
        largest = max(max(v, -v), largest);
        is_nan = is_nan | (v != v);
    }
    float scale = max(largest) / 127.0f;
    for (int i = 0; i < kLanes; i++)
        if (is_nan[i]) scale = __builtin_nanf("");  // which shows in whatever is read from here
    const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
    for (int64_t d = 0; d < head_dim; d += kLanes) {
        Floats v = load(x + d) * inverse;
        v = v + (v < 0.0f ? -0.5f - Floats{} : 0.5f - Floats{});  // conversion truncates
        Bytes bytes = __builtin_convertvector(__builtin_convertvector(v, Ints), Bytes);
        memcpy((int8_t*)stored + d, &bytes, sizeof bytes);
    }
    stored[head_dim / 4] = scale;
}

static void unpack_head(const float* stored, int64_t head_dim, float* x) {
    const float scale = stored[head_dim / 4];
    for (int64_t d = 0; d < head_dim; d += kLanes) {
        store(x + d, to_floats(load_bytes((const int8_t*)stored + d)) * scale);
    }
}

static void unpack(KeyTile& tile, int64_t head_dim, float* unpacked) {
    for (int64_t i = 0; i < tile.count; i++) {
        float* key = unpacked + i * head_dim;
        float* value = key + kTileKeys * head_dim;
        unpack_head(tile.keys[i], head_dim, key);
        unpack_head(tile.values[i], head_dim, value);
        tile.keys[i] = key;
        tile.values[i] = value;
    }
    tile.pad();
}

// scores[i] = keys[i] . query of each lane, the dimensions in their order.
template <class L>
KAMADO_INLINE void score(const float* queries, const float* const* keys, int64_t head_dim,
                         float* scores) {
    typename L::Vector sums[L::kKeys][L::kCount] = {};
    const float* key[L::kKeys];
    for (int i = 0; i < L::kKeys; i++) key[i] = keys[i];
    for (int64_t d = 0; d < head_dim; d++) {
        typename L::Vector query[L::kCount];
        for (int v = 0; v < L::kCount; v++)
            query[v] = load_vector<typename L::Vector>(queries + d * L::kWidth + v * L::kStep);
#pragma GCC unroll 16
        for (int i = 0; i < L::kKeys; i++)
#pragma GCC unroll 4
            for (int v = 0; v < L::kCount; v++) sums[i][v] = sums[i][v] + key[i][d] * query[v];
    }
    for (int i = 0; i < L::kKeys; i++)
        for (int v = 0; v < L::kCount; v++)
            store_vector(scores + i * L::kWidth + v * L::kStep, sums[i][v]);
}

// The lanes of a decode row are few, and all see the same keys. For them keys and dimensions are laid
// side by side instead, with the same additions in the same order: a lane's result does not tell
// which way it was computed.
constexpr int kFewLanes = 4;

// Square blocks of kLanes rows and columns, mirrored by swapping ever smaller blocks.
template <int kDistance>
KAMADO_INLINE void transpose(Floats (&rows)[kLanes]) {
    if constexpr (kDistance > 0) {
        Ints low, high;
        for (int i = 0; i < kLanes; i++) {
            low[i] = i & kDistance ? kLanes + i - kDistance : i;
            high[i] = low[i] + kDistance;
        }
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; i++)
            if (!(i & kDistance)) {
                Floats a = rows[i], b = rows[i + kDistance];
                rows[i] = __builtin_shuffle(a, b, low);
                rows[i + kDistance] = __builtin_shuffle(a, b, high);
            }
        transpose<kDistance / 2>(rows);
    }
}

// As `score`, for kLanes keys; head_dim is a multiple of kLanes.
template <class L>
static void score_few(const float* queries, int64_t num_lanes, const float* const* keys,
                      int64_t head_dim, float* scores) {
    Floats sums[kFewLanes] = {};
    for (int64_t d = 0; d < head_dim; d += kLanes) {
        Floats columns[kLanes];
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; i++) columns[i] = load(keys[i] + d);
        transpose<kLanes / 2>(columns);
        for (int64_t lane = 0; lane < num_lanes; lane++)
#pragma GCC unroll 16
            for (int i = 0; i < kLanes; i++)
                sums[lane] = sums[lane] + columns[i] * queries[(d + i) * L::kWidth + lane];
    }
    for (int64_t lane = 0; lane < num_lanes; lane++)
        for (int i = 0; i < kLanes; i++) scores[i * L::kWidth + lane] = sums[lane][i];
}

// As `add_values` over all of a tile's keys, and the partial sums brought up to date.
template <class L>
static void add_values_few(const KeyTile& tile, const float* weights, int64_t num_lanes,
                           int64_t head_dim, const typename L::Vector& shrink, Partial<L>& partial) {
    for (int64_t d = 0; d < head_dim; d += kLanes) {
        Floats sums[kFewLanes] = {};
        for (int64_t i = 0; i < tile.count; i++) {
            const Floats value = load(tile.values[i] + d);
#pragma GCC unroll 4
            for (int lane = 0; lane < kFewLanes; lane++)
                sums[lane] = sums[lane] + value * weights[i * L::kWidth + lane];
        }
        for (int64_t lane = 0; lane < num_lanes; lane++)
            for (int n = 0; n < kLanes; n++) {
                float& at = partial.sums[(d + n) * L::kWidth + lane];
                at = at * shrink[lane] + sums[lane][n];
            }
    }
}

// Lanes of vector v that see the key at `position`.
template <class L>
KAMADO_INLINE typename L::Integers visible(const AttentionTask& task, const int32_t* positions,
                                           int v, int64_t position) {
    typename L::Integers own;
    memcpy(&own, positions + v * L::kStep, sizeof own);
    typename L::Integers seen = own >= (int32_t)position;
    if (task.window) seen = seen & (own < (int32_t)(position + task.window));
    return seen;
}

template <class L>
static void cap_and_hide(const AttentionTask& task, const KeyTile& tile, const int32_t* positions,
                         float* scores) {
    typedef typename L::Vector Vector;
    for (int64_t i = 0; i < tile.count; i++) {
        const bool is_hidden = i < tile.all_from || i >= tile.all_to;
        if (!is_hidden && !task.softcap) continue;
        for (int v = 0; v < L::kCount; v++) {
            float* at = scores + i * L::kWidth + v * L::kStep;
            Vector s = load_vector<Vector>(at);
            if (task.softcap) s = tanh(s * (1.0f / task.softcap)) * task.softcap;
            if (is_hidden)
                s = visible<L>(task, positions, v, tile.first + i) ? s : -kInfinity - Vector{};
            store_vector(at, s);
        }
    }
}

// Turns scores into weights relative to the maximum so far, and gives the factor by which that
// maximum has shrunk what was summed before.
template <class L>
static void weigh(float* scores, int64_t count, Partial<L>& partial, typename L::Vector* shrink) {
    typedef typename L::Vector Vector;
    for (int v = 0; v < L::kCount; v++) {
        const int column = v * L::kStep;
        const Vector before = load_vector<Vector>(partial.maxima + column);
        Vector maximum = before;
        for (int64_t i = 0; i < count; i++)
            maximum = max(maximum, load_vector<Vector>(scores + i * L::kWidth + column));
        // Lanes that have seen nothing yet: -inf - -inf would be NaN.
        const Vector reference = maximum == -kInfinity ? Vector{} : maximum;
        Vector total{};
        for (int64_t i = 0; i < count; i++) {
            float* at = scores + i * L::kWidth + column;
            Vector weight = exp(load_vector<Vector>(at) - reference);
            store_vector(at, weight);
            total = total + weight;
        }
        shrink[v] = exp(before - reference);
        store_vector(partial.maxima + column, maximum);
        Vector weights = load_vector<Vector>(partial.weights + column);
        store_vector(partial.weights + column, weights * shrink[v] + total);
    }
}

// sums[n][v] += weight times dimension n of the value, for keys [from, to) in their order.
template <class L, bool kHasHidden>
KAMADO_INLINE void add_values(const AttentionTask& task, const KeyTile& tile, const float* weights,
                              const int32_t* positions, int64_t dimension, int64_t from, int64_t to,
                              typename L::Vector (&sums)[L::kDimensions][L::kCount]) {
    constexpr typename L::Vector zero{};
    for (int64_t i = from; i < to; i++) {
        const float* value = tile.values[i] + dimension;
        typename L::Vector weight[L::kCount];
        for (int v = 0; v < L::kCount; v++)
            weight[v] = load_vector<typename L::Vector>(weights + i * L::kWidth + v * L::kStep);
#pragma GCC unroll 16
        for (int n = 0; n < L::kDimensions; n++)
#pragma GCC unroll 4
            for (int v = 0; v < L::kCount; v++) {
                // What a lane does not see is 0 times a weight of 0, even where it is NaN.
                typename L::Vector seen = value[n] - typename L::Vector{};
                if constexpr (kHasHidden)
                    seen = visible<L>(task, positions, v, tile.first + i) ? seen : zero;
                sums[n][v] = sums[n][v] + seen * weight[v];
            }
    }
}

template <class L>
static void attend_tile_few(const AttentionTask& task, const KeyTile& tile, const KeyTile& next,
                            const Workspace<L>& work, int64_t num_lanes, Partial<L>& partial) {
    for (int64_t i = 0; i < tile.count; i += kLanes) {
        if (i < next.count)
            KeyTile::prefetch(next.keys + i, smaller(kLanes, next.count - i), task.stored_size);
        score_few<L>(work.queries, num_lanes, tile.keys + i, task.head_dim,
                     work.scores + i * L::kWidth);
    }
    if (task.softcap) cap_and_hide<L>(task, tile, work.positions, work.scores);
    typename L::Vector shrink[1];
    weigh<L>(work.scores, tile.count, partial, shrink);
    KeyTile::prefetch(next.values, next.count, task.stored_size);
    add_values_few<L>(tile, work.scores, num_lanes, task.head_dim, shrink[0], partial);
}

template <class L>
static void attend_tile(const AttentionTask& task, const KeyTile& tile, const KeyTile& next,
                        const Workspace<L>& work, Partial<L>& partial) {
    typedef typename L::Vector Vector;
    for (int64_t i = 0; i < tile.count; i += L::kKeys) {
        if (i < next.count) KeyTile::prefetch(next.keys + i, L::kKeys, task.stored_size);
        score<L>(work.queries, tile.keys + i, task.head_dim, work.scores + i * L::kWidth);
    }
    if (tile.has_hidden() || task.softcap) cap_and_hide<L>(task, tile, work.positions, work.scores);
    Vector shrink[L::kCount];
    weigh<L>(work.scores, tile.count, partial, shrink);
    const int64_t share = ceil_div(next.count * L::kDimensions, task.head_dim);
    for (int64_t d = 0; d < task.head_dim; d += L::kDimensions) {
        const int64_t first = d / L::kDimensions * share;
        KeyTile::prefetch(next.values + first, smaller(share, next.count - first), task.stored_size);
        Vector sums[L::kDimensions][L::kCount] = {};
        add_values<L, true>(task, tile, work.scores, work.positions, d, 0, tile.all_from, sums);
        add_values<L, false>(task, tile, work.scores, work.positions, d, tile.all_from, tile.all_to,
                             sums);
        add_values<L, true>(task, tile, work.scores, work.positions, d, tile.all_to, tile.count, sums);
        for (int n = 0; n < L::kDimensions; n++)
            for (int v = 0; v < L::kCount; v++) {
                float* at = partial.sums + (d + n) * L::kWidth + v * L::kStep;
                store_vector(at, load_vector<Vector>(at) * shrink[v] + sums[n][v]);
            }
    }
}

template <class L>
static void attend_span(const AttentionTask& task, const LaneTile& tile, const Reach& reach,
                        int64_t span, const Workspace<L>& work, Partial<L> partial) {
    partial.clear(task.head_dim);
    const int64_t stop = smaller((span + 1) * kSpanKeys, reach.last_position + 1);
    int64_t start = larger(span * kSpanKeys, reach.first_key / kTileKeys * kTileKeys);
    KeyTile keys(task, tile, reach, start);
    for (; start < stop; start += kTileKeys) {
        const KeyTile next(task, tile, reach, start + kTileKeys);
        if (task.holds_bytes()) unpack(keys, task.head_dim, work.unpacked);
        if (L::kCount == 1 && tile.num_lanes <= kFewLanes && reach.is_one_position() &&
            task.head_dim % kLanes == 0)
            attend_tile_few<L>(task, keys, next, work, tile.num_lanes, partial);
        else
            attend_tile<L>(task, keys, next, work, partial);
        keys = next;
    }
}

// Adds a later span's sums to those of all spans before it.
template <class L>
static void merge(Partial<L>& running, Partial<L>& span, int64_t head_dim) {
    typedef typename L::Vector Vector;
    for (int v = 0; v < L::kCount; v++) {
        const int column = v * L::kStep;
        const Vector old = load_vector<Vector>(running.maxima + column);
        const Vector added = load_vector<Vector>(span.maxima + column);
        const Vector maximum = max(old, added);
        const Vector reference = maximum == -kInfinity ? Vector{} : maximum;
        const Vector shrink = exp(old - reference), grow = exp(added - reference);
        store_vector(running.maxima + column, maximum);
        for (int64_t d = -1; d < head_dim; d++) {
            float* to = (d < 0 ? running.weights : running.sums + d * L::kWidth) + column;
            float* from = (d < 0 ? span.weights : span.sums + d * L::kWidth) + column;
            Vector addend = load_vector<Vector>(from) * grow;
            asm("" : "+m"(addend));  // rounded: which product is fused must not be left open
            store_vector(to, load_vector<Vector>(to) * shrink + addend);
        }
    }
}

// The queries of a tile's lanes, scaled, as columns; and the lanes' positions.
template <class L>
static void gather_queries(const AttentionTask& task, const LaneTile& tile, const Reach& reach,
                           const Workspace<L>& work) {
    const int64_t group_size = task.num_heads / task.num_kv_heads;
    for (int lane = 0; lane < L::kWidth; lane++) {
        // Lanes that pad the last vector repeat the last one.
        int64_t index = tile.first_lane + smaller(lane, tile.num_lanes - 1);
        int64_t row = task.query_starts[tile.sequence] + index / group_size;
        int64_t head = tile.kv_head * group_size + index % group_size;
        const float* query = task.output + (row * task.num_heads + head) * task.head_dim;
        for (int64_t d = 0; d < task.head_dim; d++)
            work.queries[d * L::kWidth + lane] = query[d] * task.scale;
        work.positions[lane] =
            (int32_t)(Reach::position(task, tile.sequence) + index / group_size);
    }
}

template <class L>
static void store_output(const AttentionTask& task, const LaneTile& tile, const Partial<L>& partial) {
    const int64_t group_size = task.num_heads / task.num_kv_heads;
    for (int64_t lane = 0; lane < tile.num_lanes; lane++) {
        int64_t index = tile.first_lane + lane;
        int64_t row = task.query_starts[tile.sequence] + index / group_size;
        int64_t head = tile.kv_head * group_size + index % group_size;
        float* output = task.output + (row * task.num_heads + head) * task.head_dim;
        const float factor = 1.0f / partial.weights[lane];
        for (int64_t d = 0; d < task.head_dim; d++)
            output[d] = partial.sums[d * L::kWidth + lane] * factor;
    }
}

// Calls f with the Lanes that hold so many.
template <class F>
KAMADO_INLINE void with_lanes(int64_t num_lanes, F&& f) {
    if (num_lanes <= kNarrow) return f.template operator()<Lanes<NarrowFloats, 1>>();
    if (num_lanes <= kLanes) return f.template operator()<Lanes<Floats, 1>>();
    if (num_lanes <= 2 * kLanes) return f.template operator()<Lanes<Floats, 2>>();
    if constexpr (kMaxLaneVectors == 4) {
        if (num_lanes <= 3 * kLanes) return f.template operator()<Lanes<Floats, 3>>();
        return f.template operator()<Lanes<Floats, 4>>();
    }
}

using WidestLanes = Lanes<Floats, kMaxLaneVectors>;

// All of a tile's spans, one after another.
static void attend_lanes(const AttentionTask& task, const LaneTile& tile, float* scratch) {
    with_lanes(tile.num_lanes, [&]<class L>() {
        const Reach reach(task, tile);
        Workspace<L> work(scratch, task.head_dim);
        gather_queries<L>(task, tile, reach, work);
        work.running.clear(task.head_dim);
        for (int64_t span = reach.first_span(); span <= reach.last_span(); span++) {
            attend_span<L>(task, tile, reach, span, work, work.span);
            merge<L>(work.running, work.span, task.head_dim);
        }
        store_output<L>(task, tile, work.running);
    });
}

// One span alone, for another thread to merge.
static void attend_lanes_in_span(const AttentionTask& task, const LaneTile& tile, int64_t span,
                                 float* scratch, float* result) {
    with_lanes(tile.num_lanes, [&]<class L>() {
        const Reach reach(task, tile);
        Workspace<L> work(scratch, task.head_dim);
        gather_queries<L>(task, tile, reach, work);
        attend_span<L>(task, tile, reach, span, work, Partial<L>(result, task.head_dim));
    });
}

static void merge_spans(const AttentionTask& task, const LaneTile& tile, float* scratch,
                        float* results, int64_t result_size) {
    with_lanes(tile.num_lanes, [&]<class L>() {
        const Reach reach(task, tile);
        Workspace<L> work(scratch, task.head_dim);
        work.running.clear(task.head_dim);
        for (int64_t span = reach.first_span(); span <= reach.last_span(); span++) {
            Partial<L> partial(results, task.head_dim);
            merge<L>(work.running, partial, task.head_dim);
            results += result_size;
        }
        store_output<L>(task, tile, work.running);
    });
}

// Rotates the first rotary_dim numbers of a head, pairs (i, i + rotary_dim / 2) (Su et al. 2021).
KAMADO_INLINE void rotate(float* x, const float* cosines, int64_t rotary_dim) {
    const int64_t half = rotary_dim / 2;
    const float* sines = cosines + half;
    int64_t i = 0;
    for (; i + kLanes <= half; i += kLanes) {
        Floats a = load(x + i), b = load(x + half + i), c = load(cosines + i), s = load(sines + i);
        store(x + i, a * c - b * s);
        store(x + half + i, b * c + a * s);
    }
    for (; i < half; i++) {
        float a = x[i], b = x[half + i];
        x[i] = a * cosines[i] - b * sines[i];
        x[half + i] = b * cosines[i] + a * sines[i];
    }
}

// Brings a row's queries into the output, its keys and values into the cache.
static void place_row(const AttentionTask& task, int64_t row, float* scratch) {
    const int64_t num_heads = task.num_heads, num_kv_heads = task.num_kv_heads, dim = task.head_dim;
    const float* x = task.qkv + row * task.qkv_stride;
    const int64_t slot = task.slots[row];
    for (int64_t head = 0; head < num_heads + num_kv_heads; head++) {
        const bool is_key = head >= num_heads;
        float* stored = task.keys + (slot * num_kv_heads + head - num_heads) * task.stored_size;
        float* y = !is_key                ? task.output + (row * num_heads + head) * dim
                   : task.holds_bytes() ? scratch
                                          : stored;
        if (task.norm_weight)
            rms_norm_row(x + head * dim, task.norm_weight + head * dim, task.norm_eps, dim, y);
        else
            memcpy(y, x + head * dim, dim * sizeof(float));
        if (task.rotation)
            rotate(y, task.rotation + task.positions[row] * task.rotary_dim, task.rotary_dim);
        if (is_key && task.holds_bytes()) pack_head(y, dim, stored);
    }
    x += (num_heads + num_kv_heads) * dim;
    float* stored = task.values + slot * num_kv_heads * task.stored_size;
    if (task.holds_bytes())
        for (int64_t head = 0; head < num_kv_heads; head++)
            pack_head(x + head * dim, dim, stored + head * task.stored_size);
    else
        memcpy(stored, x, num_kv_heads * dim * sizeof(float));
}

static int64_t lane_tiles_of(const AttentionTask& task, int64_t sequence) {
    const int64_t rows = task.query_starts[sequence + 1] - task.query_starts[sequence];
    return ceil_div(rows * (task.num_heads / task.num_kv_heads), kMaxLanes);
}

// tiles [number of them]; first_spans [number + 1]: how many spans the tiles before it see.
static void list_lane_tiles(const AttentionTask& task, LaneTile* tiles, int64_t* first_spans) {
    int64_t num_tiles = 0;
    first_spans[0] = 0;
    for (int64_t sequence = 0; sequence < task.num_seqs; sequence++) {
        const int64_t rows = task.query_starts[sequence + 1] - task.query_starts[sequence];
        const int64_t num_lanes = rows * (task.num_heads / task.num_kv_heads);
        for (int64_t kv_head = 0; kv_head < task.num_kv_heads; kv_head++)
            for (int64_t lane = 0; lane < num_lanes; lane += kMaxLanes) {
                LaneTile tile{sequence, kv_head, lane, smaller(kMaxLanes, num_lanes - lane)};
                const Reach reach(task, tile);
                tiles[num_tiles] = tile;
                first_spans[num_tiles + 1] =
                    first_spans[num_tiles] + reach.last_span() - reach.first_span() + 1;
                num_tiles++;
            }
    }
}

// Few tiles are divided among the threads span by span; of many, each thread takes whole ones.
static void attention(const AttentionTask& task) {
    int64_t num_tiles = 0;
    for (int64_t i = 0; i < task.num_seqs; i++)
        num_tiles += lane_tiles_of(task, i) * task.num_kv_heads;
    Scratch lists(Scratch::kTiles, num_tiles * (sizeof(LaneTile) + 8) / sizeof(float) + 2);
    LaneTile* tiles = (LaneTile*)lists.data;
    int64_t* first_spans = (int64_t*)(tiles + num_tiles);
    list_lane_tiles(task, tiles, first_spans);

    const int64_t num_spans = first_spans[num_tiles];
    const int64_t result_size = Partial<WidestLanes>::size(task.head_dim);
    const bool is_split = num_tiles < 4 * omp_get_max_threads() && num_spans > num_tiles;
    Scratch results(Scratch::kSpans, is_split ? num_spans * result_size : 0);
#pragma omp parallel
    {
        Scratch work(Scratch::kAttention, Workspace<WidestLanes>::size(task.head_dim));
#pragma omp for
        for (int64_t row = 0; row < task.num_rows; row++) place_row(task, row, work.data);
        if (is_split) {
#pragma omp for schedule(dynamic, 1)
            for (int64_t i = 0; i < num_spans; i++) {
                int64_t t = 0;
                while (first_spans[t + 1] <= i) t++;
                int64_t span = Reach(task, tiles[t]).first_span() + i - first_spans[t];
                attend_lanes_in_span(task, tiles[t], span, work.data, results.data + i * result_size);
            }
#pragma omp for schedule(dynamic, 1)
            for (int64_t t = 0; t < num_tiles; t++)
                merge_spans(task, tiles[t], work.data, results.data + first_spans[t] * result_size,
                            result_size);
        } else {
#pragma omp for schedule(dynamic, 1)
            for (int64_t t = 0; t < num_tiles; t++) attend_lanes(task, tiles[t], work.data);
        }
    }
}

}  // namespace KAMADO_TARGET
