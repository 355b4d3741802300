// Attention of one tile of lanes over one tile of keys: scores, their softmax, the sums of values.
#pragma once

#include "attention_lanes.h"
#include "cache_row.h"

namespace KAMADO_TARGET {

// Leads a tile of a cache of bytes to its numbers, in `unpacked` [2 * kTileKeys][head_dim].
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

// The lanes of a decode row are few, and all see the same keys. For them dimensions are laid side by
// side instead, and of fewer still the keys, with the same additions in the same order: a lane's
// result does not tell which way it was computed.
constexpr int kFewLanes = kNarrow;
constexpr int kVeryFewLanes = 4;

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
template <class L, int kCount>
static void score_few(const float* queries, const float* const* keys, int64_t head_dim,
                      float* scores) {
    Floats sums[kCount] = {};
    for (int64_t d = 0; d < head_dim; d += kLanes) {
        Floats columns[kLanes];
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; i++) columns[i] = load(keys[i] + d);
        transpose<kLanes / 2>(columns);
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; i++)
#pragma GCC unroll 4
            for (int lane = 0; lane < kCount; lane++)
                sums[lane] = sums[lane] + columns[i] * queries[(d + i) * L::kWidth + lane];
    }
    for (int lane = 0; lane < kCount; lane++)
        for (int i = 0; i < kLanes; i++) scores[i * L::kWidth + lane] = sums[lane][i];
}

// As `add_values` over all of a tile's keys, for kVectors vectors of dimensions; sums
// [kCount][head_dim] are brought up to date.
template <class L, int kCount, int kVectorCount>
KAMADO_INLINE void add_values_few(const KeyTile& tile, const float* weights, int64_t dimension,
                                  int64_t head_dim, const typename L::Vector& shrink, float* sums) {
    Floats added[kCount][kVectorCount] = {};
    for (int64_t i = 0; i < tile.count; i++) {
        Floats value[kVectorCount];
        for (int v = 0; v < kVectorCount; v++)
            value[v] = load(tile.values[i] + dimension + v * kLanes);
#pragma GCC unroll 8
        for (int lane = 0; lane < kCount; lane++)
#pragma GCC unroll 4
            for (int v = 0; v < kVectorCount; v++)
                added[lane][v] = added[lane][v] + value[v] * weights[i * L::kWidth + lane];
    }
    for (int lane = 0; lane < kCount; lane++)
        for (int v = 0; v < kVectorCount; v++) {
            float* at = sums + lane * head_dim + dimension + v * kLanes;
            store(at, load(at) * shrink[lane] + added[lane][v]);
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

template <class L, int kCount>
static void attend_tile_few(const AttentionTask& task, const KeyTile& tile, const KeyTile& next,
                            const Workspace<L>& work, Partial<L>& partial) {
    constexpr bool kAreVeryFew = kCount <= kVeryFewLanes;
    constexpr int kKeys = kAreVeryFew ? kLanes : L::kKeys;
    for (int64_t i = 0; i < tile.count; i += kKeys) {
        if (i < next.count)
            KeyTile::prefetch(next.keys + i, smaller(kKeys, next.count - i), task.stored_size);
        float* scores = work.scores + i * L::kWidth;
        if constexpr (kAreVeryFew)
            score_few<L, kCount>(work.queries, tile.keys + i, task.head_dim, scores);
        else
            score<L>(work.queries, tile.keys + i, task.head_dim, scores);
    }
    if (task.softcap) cap_and_hide<L>(task, tile, work.positions, work.scores);
    typename L::Vector shrink[1];
    weigh<L>(work.scores, tile.count, partial, shrink);
    // As many vectors at once as there must be sums that do not wait for each other.
    constexpr int kTogether = kCount > 4 ? 1 : kCount > 2 ? 2 : 4;
    const int64_t share = ceil_div(next.count * kTogether * kLanes, task.head_dim);
    int64_t d = 0, first = 0;
    const auto add = [&]<int kVectorCount>() __attribute__((always_inline)) {
        KeyTile::prefetch(next.values + first, smaller(share, next.count - first), task.stored_size);
        first += share;
        add_values_few<L, kCount, kVectorCount>(tile, work.scores, d, task.head_dim, shrink[0],
                                                work.few_sums);
        d += kVectorCount * kLanes;
    };
    while (d + kTogether * kLanes <= task.head_dim) add.template operator()<kTogether>();
    while (d < task.head_dim) add.template operator()<1>();
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

}  // namespace KAMADO_TARGET
