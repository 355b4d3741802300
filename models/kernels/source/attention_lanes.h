// What attention works on: tiles of lanes, the keys that they see, what they have summed up.
#pragma once

#include "kernels.h"
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
    int64_t first_tile() const { return first_key / kTileKeys * kTileKeys; }
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
        int64_t block = first / task.block_size, offset = first % task.block_size;
        for (int64_t i = 0; i < count; block++, offset = 0) {
            const int64_t slot = table[block] * task.block_size + offset;
            const int64_t stop = smaller(count, i + task.block_size - offset);
            int64_t at = slot * slot_size + tile.kv_head * task.stored_size;
            for (; i < stop; i++, at += slot_size) {
                keys[i] = task.keys + at;
                values[i] = task.values + at;
            }
        }
        pad();
    }

    static KeyTile first_of(const AttentionTask& task, const LaneTile& tile) {
        const Reach reach(task, tile);
        return KeyTile(task, tile, reach, reach.first_tile());
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
    float* few_sums;     // [kNarrow][head_dim]: a span's sums of a decode row's lanes
    int32_t* positions;  // [kWidth]
    Partial<L> running;
    Partial<L> span;

    static int64_t size(int64_t head_dim) {
        return 2 * kTileKeys * head_dim + (head_dim + kTileKeys + kMaxKeys + 1) * L::kWidth +
               kNarrow * head_dim + 2 * Partial<L>::size(head_dim);
    }

    Workspace(float* data, int64_t head_dim)
        : unpacked(data),
          queries(unpacked + 2 * kTileKeys * head_dim),
          scores(queries + head_dim * L::kWidth),
          few_sums(scores + (kTileKeys + kMaxKeys) * L::kWidth),
          positions((int32_t*)(few_sums + kNarrow * head_dim)),
          running((float*)(positions + L::kWidth), head_dim),
          span(running.sums + Partial<L>::size(head_dim), head_dim) {}
};

}  // namespace KAMADO_TARGET
