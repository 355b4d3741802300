// y = x W^T over packed weights, with fp32 activations and fp32 sums.
//
// An output is one chain of fused multiply-adds over the inputs in their order, whichever path
// computes it and whatever rows stand beside it: a row's result is the same bits alone and in any
// batch. Few rows are bound by reading the weight, which is unpacked in registers. Many rows are
// bound by arithmetic: blocks of the weight are unpacked once into the cache and multiplied with
// tiles of rows that fill the register file (Goto and van de Geijn 2008, section 4).
#pragma once

#include "kernels.h"
#include "norm.h"
#include "panel_output.h"
#include "scratch.h"
#include "simd.h"
#include "thread_team.h"

namespace KAMADO_TARGET {

using kamado::PackedWeight;

// Accumulators of a tile, tile rows times kVectors, that leave registers for weights and inputs.
constexpr int kTileRows = kLanes == 16 ? 12 : kLanes == 8 ? 3 : 1;
constexpr int kBlockInputs = 512;  // of an unpacked block: 64 KB, while its rows' inputs stay in L1
constexpr int kBlockPanels = 2;    // unpacked together, so that rows are read half as often
constexpr int64_t kGrainProducts = 1 << 17;  // so many take a few microseconds

struct Float32 {
    static constexpr int kPerWord = 1;
    static constexpr bool kIsGrouped = false;
    template <int>
    KAMADO_INLINE Floats unpack(Ints word) { return bits_as_floats(word); }
};

struct BFloat16 {
    static constexpr int kPerWord = 2;
    static constexpr bool kIsGrouped = false;
    template <int kInput>
    KAMADO_INLINE Floats unpack(Ints word) {
        return bits_as_floats(kInput == 0 ? word << 16 : word & (int32_t)0xffff0000);
    }
};

// The signed integer in `kBits` bits of each lane from bit kFirst on, times 2^(32 - kBits), exactly:
// moved to the top of the lane, where its sign is in place, and converted with zeros below. Shifting
// it down again would cost as much as the conversion; whoever scales the result takes the power out.
template <int kFirst, int kBits>
KAMADO_INLINE Floats top_integers(Ints word) {
    constexpr int kShift = 32 - kBits - kFirst;
    Ints moved = kShift == 0 ? word : word << kShift;
    return to_floats(kFirst == 0 ? moved : moved & (int32_t)(~0u << (32 - kBits)));
}

struct Int8 {
    static constexpr int kPerWord = 4;
    static constexpr bool kIsGrouped = false;
    template <int kInput>
    KAMADO_INLINE Floats unpack(Ints word) { return top_integers<8 * kInput, 8>(word); }
};

struct Int4 {
    static constexpr int kPerWord = 8;
    static constexpr bool kIsGrouped = true;
    // Inputs 0 to 3 are the low halves of the four bytes, 4 to 7 the high ones.
    template <int kInput>
    KAMADO_INLINE Floats unpack(Ints word) {
        return top_integers<8 * (kInput % 4) + kInput / 4 * 4, 4>(word);
    }
};

// Calls f with 0, 1, ... kCount - 1 as constants.
template <int kCount, class F>
KAMADO_INLINE void repeat(F&& f) {
    if constexpr (kCount > 0) {
        repeat<kCount - 1>(f);
        f.template operator()<kCount - 1>();
    }
}

// Inputs first, first + 1, ... of a panel and of those that follow it.
template <class Format>
struct PanelSpan {
    const int32_t* words;
    int64_t panel_words;   // from a panel to the next
    const float* scale;    // of the first group
    const float* shift;
    int64_t panel_groups;  // scales from a panel to the next
    int64_t group_size;

    PanelSpan(const PackedWeight& weight, int64_t panel, int64_t first)
        : words(weight.words + (panel * weight.in_features + first) / Format::kPerWord * kPanel),
          panel_words(weight.in_features / Format::kPerWord * kPanel) {
        if constexpr (Format::kIsGrouped) {
            int64_t group = (panel * weight.in_features + first) / weight.group_size;
            scale = weight.scale + group * kPanel;
            shift = weight.shift + group * kPanel;
            panel_groups = weight.in_features / weight.group_size * kPanel;
            group_size = weight.group_size;
        }
    }
};

// sums[r][v] += the product over `count` inputs of row r and vector v of kPanels adjacent panels.
template <class Format, int kRows, int kPanels>
KAMADO_INLINE void accumulate(Floats (&sums)[kRows][kPanels * kVectors], const float* x,
                              int64_t x_stride, PanelSpan<Format> span, int64_t count) {
    constexpr int kWidth = kPanels * kVectors;
    const int64_t group = Format::kIsGrouped ? span.group_size : count;
    for (int64_t start = 0; start < count; start += group) {
        Floats scale[kWidth], shift[kWidth];
        if constexpr (Format::kIsGrouped) {
            for (int v = 0; v < kWidth; v++) {
                int64_t offset = v / kVectors * span.panel_groups + v % kVectors * kLanes;
                scale[v] = load(span.scale + offset);
                shift[v] = load(span.shift + offset);
            }
            span.scale += kPanel;
            span.shift += kPanel;
        }
        for (int64_t k = start; k < start + group; k += Format::kPerWord) {
            Ints words[kWidth];
            for (int v = 0; v < kWidth; v++)
                words[v] = load(span.words + v / kVectors * span.panel_words + v % kVectors * kLanes);
            span.words += kPanel;
            repeat<Format::kPerWord>([&]<int kInput>() __attribute__((always_inline)) {
                Floats weights[kWidth];
#pragma GCC unroll 8
                for (int v = 0; v < kWidth; v++) {
                    weights[v] = Format::template unpack<kInput>(words[v]);
                    if constexpr (Format::kIsGrouped) weights[v] = weights[v] * scale[v] + shift[v];
                }
#pragma GCC unroll 16
                for (int r = 0; r < kRows; r++) {
                    float input = x[r * x_stride + k + kInput];
#pragma GCC unroll 8
                    for (int v = 0; v < kWidth; v++) sums[r][v] = sums[r][v] + input * weights[v];
                }
            });
        }
    }
}

// A tile of rows against kPanels panels, start to end.
template <class Format, int kRows, int kPanels>
static void direct_tile(const LinearTask& task, const float* x, int64_t x_stride, int64_t row,
                        int64_t panel) {
    Floats sums[kRows][kPanels * kVectors] = {};
    accumulate<Format, kRows, kPanels>(sums, x + row * x_stride, x_stride,
                                       PanelSpan<Format>(task.weight, panel, 0),
                                       task.weight.in_features);
    for (int p = 0; p < kPanels; p++) {
        const PanelOutput output(task, panel + p);
        for (int r = 0; r < kRows; r++) output.store_row(row + r, sums[r] + p * kVectors);
    }
}

// A tile of rows against an unpacked block of a panel; `partial` [rows][kPanel] carries the sums from
// one block of inputs to the next.
template <int kRows>
static void blocked_tile(const float* x, int64_t x_stride, const float* block, int64_t count,
                         float* partial, bool is_first) {
    Floats sums[kRows][kVectors] = {};
    if (!is_first)
        for (int r = 0; r < kRows; r++)
            for (int v = 0; v < kVectors; v++) sums[r][v] = load(partial + r * kPanel + v * kLanes);
    PackedWeight weight{WeightFormat::kFloat32, 1, count, (const int32_t*)block, nullptr, nullptr, 0};
    accumulate<Float32, kRows, 1>(sums, x, x_stride, PanelSpan<Float32>(weight, 0, 0), count);
    for (int r = 0; r < kRows; r++)
        for (int v = 0; v < kVectors; v++) store(partial + r * kPanel + v * kLanes, sums[r][v]);
}

// Rows in tiles of nearly equal height, none above kTileRows.
template <class F>
KAMADO_INLINE void for_each_tile(int64_t rows, F&& f) {
    int64_t tiles = (rows + kTileRows - 1) / kTileRows;
    for (int64_t t = 0; t < tiles; t++) f(rows * t / tiles, rows * (t + 1) / tiles - rows * t / tiles);
}

// f(first panel, how many) for blocks of `block_panels`, divided among the threads.
template <class F>
KAMADO_INLINE void for_each_block(const LinearTask& task, int64_t block_panels, F&& f) {
    const int64_t num_panels = task.weight.num_panels;
    const int64_t products = task.rows * task.weight.in_features * block_panels * kPanel;
    parallel_for((num_panels + block_panels - 1) / block_panels, 1 + kGrainProducts / products,
                 [&](int64_t block) {
                     const int64_t first = block * block_panels, left = num_panels - first;
                     f(first, left < block_panels ? left : block_panels);
                 });
}

// How many panels a tile of so many rows takes at once, of at most kMost: the few chains of additions
// of a low tile and one panel would wait for themselves.
template <int kMost>
constexpr int panels_together(int64_t rows) {
    for (int panels = kMost; panels > 1; panels /= 2)
        if (rows * panels <= kTileRows) return panels;
    return 1;
}

// Rows in tiles: f<tile rows, panels>(row, panel) for all, divided among the threads by the panels of
// a tile: a narrow product has few, and who takes the last of them should not be waited for long.
template <int kMostPanels, class F>
KAMADO_INLINE void for_each_panel_and_tile(const LinearTask& task, F&& f) {
    for_each_block(task, panels_together<kMostPanels>(task.rows), [&](int64_t first, int64_t count) {
        const int64_t stop = first + count;
        for_each_tile(task.rows, [&](int64_t row, int64_t height) {
            with_constant<kTileRows>(height, [&]<int kRows>() {
                constexpr int kTogether = panels_together<kMostPanels>(kRows);
                int64_t panel = first;
                for (; panel + kTogether <= stop; panel += kTogether)
                    f.template operator()<kRows, kTogether>(row, panel);
                for (; panel < stop; panel++) f.template operator()<kRows, 1>(row, panel);
            });
        });
    });
}

template <class Format>
static void direct(const LinearTask& task, const float* x, int64_t x_stride) {
    for_each_panel_and_tile<4>(task, [&]<int kRows, int kPanels>(int64_t row, int64_t panel) {
        direct_tile<Format, kRows, kPanels>(task, x, x_stride, row, panel);
    });
}

template <class Format>
static void unpack_block(const PackedWeight& weight, int64_t panel, int64_t first, int64_t count,
                         float* block) {
    PanelSpan<Format> span(weight, panel, first);
    for (int64_t k = 0; k < count; k += Format::kPerWord) {
        repeat<Format::kPerWord>([&]<int kInput>() {
            for (int v = 0; v < kVectors; v++) {
                Floats weights = Format::template unpack<kInput>(load(span.words + v * kLanes));
                if constexpr (Format::kIsGrouped)
                    weights = weights * load(span.scale + v * kLanes) + load(span.shift + v * kLanes);
                store(block + (k + kInput) * kPanel + v * kLanes, weights);
            }
        });
        span.words += kPanel;
        if constexpr (Format::kIsGrouped) {
            if ((k + Format::kPerWord) % span.group_size == 0) {
                span.scale += kPanel;
                span.shift += kPanel;
            }
        }
    }
}

template <class Format>
static void blocked(const LinearTask& task, const float* x, int64_t x_stride) {
    const PackedWeight& weight = task.weight;
    for_each_block(task, kBlockPanels, [&](int64_t first_panel, int64_t panels) {
        Scratch blocks(Scratch::kBlocks, kBlockPanels * kBlockInputs * kPanel);
        Scratch partials(Scratch::kPartials, kBlockPanels * task.rows * kPanel);
        for (int64_t first = 0; first < weight.in_features; first += kBlockInputs) {
            int64_t rest = weight.in_features - first;
            int64_t count = rest < kBlockInputs ? rest : kBlockInputs;
            for (int64_t p = 0; p < panels; p++)
                unpack_block<Format>(weight, first_panel + p, first, count,
                                     blocks.data + p * kBlockInputs * kPanel);
            for_each_tile(task.rows, [&](int64_t row, int64_t height) {
                for (int64_t p = 0; p < panels; p++)
                    with_constant<kTileRows>(height, [&]<int kRows>() {
                        blocked_tile<kRows>(x + row * x_stride + first, x_stride,
                                            blocks.data + p * kBlockInputs * kPanel, count,
                                            partials.data + (p * task.rows + row) * kPanel,
                                            first == 0);
                    });
            });
        }
        for (int64_t p = 0; p < panels; p++) {
            const PanelOutput output(task, first_panel + p);
            for (int64_t row = 0; row < task.rows; row++) {
                Floats sums[kVectors];
                for (int v = 0; v < kVectors; v++)
                    sums[v] = load(partials.data + (p * task.rows + row) * kPanel + v * kLanes);
                output.store_row(row, sums);
            }
        }
    });
}

template <class Format>
static void multiply(const LinearTask& task, const float* x, int64_t x_stride) {
    if (task.rows <= task.max_direct_rows)
        direct<Format>(task, x, x_stride);
    else
        blocked<Format>(task, x, x_stride);
}

static void quantized_linear(const LinearTask&);

static void linear(const LinearTask& task) {
    if (task.quantizes_inputs) return quantized_linear(task);
    const int64_t in_features = task.weight.in_features;
    // Rows that lie a multiple of 4 KB apart would fall into one set of the cache.
    const bool is_aliased = task.rows > 1 && task.x_stride % 1024 == 0;
    const bool is_copied = task.norm_weight || is_aliased;
    const int64_t stride = is_copied ? in_features + kLanes : task.x_stride;
    Scratch inputs(Scratch::kInputs, is_copied ? task.rows * stride : 0);
    const float* x = is_copied ? inputs.data : task.x;
    if (is_copied)
        parallel_for(task.rows, 1 + kGrainNumbers / in_features, [&](int64_t row) {
            const float* source = task.x + row * task.x_stride;
            float* target = inputs.data + row * stride;
            if (task.norm_weight)
                rms_norm_row(source, task.norm_weight, task.norm_eps, in_features, target);
            else
                memcpy(target, source, in_features * sizeof(float));
        });
    switch (task.weight.format) {
        case WeightFormat::kFloat32: multiply<Float32>(task, x, stride); break;
        case WeightFormat::kBFloat16: multiply<BFloat16>(task, x, stride); break;
        case WeightFormat::kInt8: multiply<Int8>(task, x, stride); break;
        case WeightFormat::kInt4: multiply<Int4>(task, x, stride); break;
    }
}

}  // namespace KAMADO_TARGET
