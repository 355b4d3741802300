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

#include "attention_lanes.h"
#include "attention_tile.h"
#include "cache_row.h"
#include "scratch.h"
#include "thread_team.h"

namespace KAMADO_TARGET {

// f(keys, next) for a span's tiles of keys. What is next after the last is the `following` tile's of
// lanes, if there is one: nobody else asks for it in time.
template <class L, class F>
KAMADO_INLINE void for_each_key_tile(const AttentionTask& task, const LaneTile& tile,
                                     const LaneTile* following, const Reach& reach, int64_t span,
                                     const Workspace<L>& work, F&& f) {
    const int64_t stop = smaller((span + 1) * kSpanKeys, reach.last_position + 1);
    int64_t start = larger(span * kSpanKeys, reach.first_tile());
    KeyTile keys(task, tile, reach, start);
    for (; start < stop; start += kTileKeys) {
        const bool is_last = start + kTileKeys > reach.last_position && following;
        const KeyTile next = is_last ? KeyTile::first_of(task, *following)
                                     : KeyTile(task, tile, reach, start + kTileKeys);
        if (task.holds_bytes()) unpack(keys, task.head_dim, work.unpacked);
        f(keys, next);
        keys = next;
    }
}

// A decode row's lanes: their sums lie by lane until the span is over.
template <class L, int kCount>
static void attend_span_few(const AttentionTask& task, const LaneTile& tile,
                            const LaneTile* following, const Reach& reach, int64_t span,
                            const Workspace<L>& work, Partial<L>& partial) {
    memset(work.few_sums, 0, kCount * task.head_dim * sizeof(float));
    for_each_key_tile(task, tile, following, reach, span, work,
                      [&](const KeyTile& keys, const KeyTile& next) {
                          attend_tile_few<L, kCount>(task, keys, next, work, partial);
                      });
    for (int64_t d = 0; d < task.head_dim; d++)
        for (int lane = 0; lane < kCount; lane++)
            partial.sums[d * L::kWidth + lane] = work.few_sums[lane * task.head_dim + d];
}

template <class L>
static void attend_span(const AttentionTask& task, const LaneTile& tile, const LaneTile* following,
                        const Reach& reach, int64_t span, const Workspace<L>& work,
                        Partial<L> partial) {
    partial.clear(task.head_dim);
    if constexpr (L::kCount == 1)
        if (tile.num_lanes <= kFewLanes && reach.is_one_position() && task.head_dim % kLanes == 0)
            return with_constant<kFewLanes>(tile.num_lanes, [&]<int kCount>() {
                attend_span_few<L, kCount>(task, tile, following, reach, span, work, partial);
            });
    for_each_key_tile(task, tile, following, reach, span, work,
                      [&](const KeyTile& keys, const KeyTile& next) {
                          attend_tile<L>(task, keys, next, work, partial);
                      });
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

constexpr int64_t kGrainRows = 16;  // placed in a few microseconds

// All of a tile's spans, one after another.
static void attend_lanes(const AttentionTask& task, const LaneTile& tile, const LaneTile* following,
                         float* scratch) {
    with_lanes(tile.num_lanes, [&]<class L>() {
        const Reach reach(task, tile);
        Workspace<L> work(scratch, task.head_dim);
        gather_queries<L>(task, tile, reach, work);
        work.running.clear(task.head_dim);
        for (int64_t span = reach.first_span(); span <= reach.last_span(); span++) {
            attend_span<L>(task, tile, following, reach, span, work, work.span);
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
        attend_span<L>(task, tile, nullptr, reach, span, work, Partial<L>(result, task.head_dim));
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
    const bool is_split = num_tiles < 4 * kamado::num_threads() && num_spans > num_tiles;
    Scratch results(Scratch::kSpans, is_split ? num_spans * result_size : 0);
    // Each thread's own.
    const auto scratch = [&] {
        return Scratch(Scratch::kAttention, Workspace<WidestLanes>::size(task.head_dim)).data;
    };
    parallel_for(task.num_rows, kGrainRows, [&](int64_t row) { place_row(task, row, scratch()); });
    if (!is_split) {
        const int64_t stride = kamado::num_threads();  // to the one that this thread does next
        return parallel_for(num_tiles, 1, [&](int64_t t) {
            attend_lanes(task, tiles[t], t + stride < num_tiles ? &tiles[t + stride] : nullptr,
                         scratch());
        });
    }
    parallel_for(num_spans, 1, [&](int64_t i) {
        int64_t t = 0;
        while (first_spans[t + 1] <= i) t++;
        int64_t span = Reach(task, tiles[t]).first_span() + i - first_spans[t];
        attend_lanes_in_span(task, tiles[t], span, scratch(), results.data + i * result_size);
    });
    parallel_for(num_tiles, 1, [&](int64_t t) {
        merge_spans(task, tiles[t], scratch(), results.data + first_spans[t] * result_size,
                    result_size);
    });
}

}  // namespace KAMADO_TARGET
