// y = x W^T with inputs rounded to eight bits: products of bytes, four at a time, summed exactly.
//
// A row's inputs are cut into groups, and each group is scaled so that its largest magnitude is 127
// (the dynamic quantisation of Dettmers et al. 2022, section 2.1, by groups instead of whole rows).
// Where the target multiplies bytes (AVX-512 VNNI) this is four times the arithmetic of fp32. Scales
// depend on the row alone and integer sums have no order, so a row's result is again the same bits in
// any batch.
#pragma once

#include "linear.h"

#if defined(__AVX512VNNI__)
#include <immintrin.h>

namespace KAMADO_TARGET {

constexpr bool kMultipliesBytes = true;
constexpr int64_t kInputGroup = 128;  // unless the weight has groups of its own

// Each lane's four unsigned bytes of a times the four signed bytes of b, added to sum.
KAMADO_INLINE Ints dot_bytes(Ints sum, Ints a, Ints b) {
    return (Ints)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
}

// Inputs [rows][in_features] as bytes, and by row and group their scale and the sum of the bytes.
struct QuantizedInputs {
    int8_t* bytes;
    float* scales;
    int32_t* sums;
    int64_t in_features;
    int64_t group_size;
    int64_t num_groups;

    explicit QuantizedInputs(const LinearTask& task) : in_features(task.weight.in_features) {
        const int64_t own = task.weight.group_size;
        group_size = task.weight.format == WeightFormat::kInt4 ? own
                     : in_features % kInputGroup == 0          ? kInputGroup
                                                               : in_features;
        num_groups = in_features / group_size;
        Scratch scratch(Scratch::kBytes, task.rows * (in_features / 4 + 2 * num_groups) + 1);
        scales = scratch.data;
        sums = (int32_t*)(scales + task.rows * num_groups);
        bytes = (int8_t*)(sums + task.rows * num_groups);
    }

    void quantize_row(int64_t row, const float* x) const {
        for (int64_t g = 0; g < num_groups; g++) {
            const float* inputs = x + g * group_size;
            int8_t* target = bytes + row * in_features + g * group_size;
            Floats magnitudes{};
            // A NaN or an infinity among the inputs must not be lost: it comes back through the scale.
            Floats check{};
            for_each_part(inputs, [&](int64_t, __mmask16, Floats part) {
                magnitudes = max(max(part, -part), magnitudes);
                check = check + part * 0.0f;
            });
            const float largest = max(magnitudes);
            const float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
            Ints sum{};
            for_each_part(inputs, [&](int64_t i, __mmask16 lanes, Floats part) {
                Ints rounded = (Ints)_mm512_maskz_cvtps_epi32(lanes, (__m512)(part * inverse));
                _mm512_mask_cvtepi32_storeu_epi8(target + i, lanes, (__m512i)rounded);
                sum = sum + rounded;
            });
            scales[row * num_groups + g] = largest / 127.0f + ::KAMADO_TARGET::sum(check);
            int32_t total = 0;
            for (int lane = 0; lane < kLanes; lane++) total += sum[lane];
            sums[row * num_groups + g] = total;
        }
    }

private:
    // f(first, which lanes, inputs) over a group; lanes past its end are zero.
    template <class F>
    void for_each_part(const float* inputs, F&& f) const {
        for (int64_t i = 0; i < group_size; i += kLanes) {
            const int64_t left = group_size - i;
            const __mmask16 lanes = left < kLanes ? (1u << left) - 1 : 0xffff;
            f(i, lanes, (Floats)_mm512_maskz_loadu_ps(lanes, inputs + i));
        }
    }
};

// A format's next weights as unsigned bytes: the stored integer plus kBias. Packing divided scales
// by the power of two that the fp32 path leaves in its weights; here it is taken out again.
struct Int8Bytes {
    static constexpr int kPerWord = 4;
    static constexpr int kBias = 128;
    static constexpr float kPower = 0x1p24f;
    template <int>
    KAMADO_INLINE Ints bytes(Ints word) { return word ^ (int32_t)0x80808080; }
};

struct Int4Bytes {
    static constexpr int kPerWord = 8;
    static constexpr int kBias = 8;
    static constexpr float kPower = 0x1p28f;
    template <int kHalf>
    KAMADO_INLINE Ints bytes(Ints word) {
        return ((kHalf == 0 ? word : word >> 4) & 0x0f0f0f0f) ^ 0x08080808;
    }
};

// Fetches into the second-level cache what a thread will multiply next while it multiplies: its next
// panels follow those that the other threads take meanwhile. Each tile of rows fetches its share of
// them. What lies behind a weight's last panel is most often the next weight.
class PanelsAhead {
public:
    PanelsAhead(const LinearTask& task, const int32_t* words, int64_t words_ahead, int64_t tile_words,
                int64_t row, int64_t rows)
        : next_((const char*)(words + words_ahead) + tile_words * 4 * row / task.rows),
          share_(tile_words * 4 * rows / task.rows) {}

    // One of so many parts of the share.
    KAMADO_INLINE_MEMBER void fetch_part(int64_t parts) {
        const char* const stop = next_ + share_ / parts;
        for (; next_ < stop; next_ += kLine) fetch();
    }

    KAMADO_INLINE_MEMBER void fetch_line() {
        fetch();
        next_ += kLine;
    }

private:
    static constexpr int kLine = 64;

    KAMADO_INLINE_MEMBER void fetch() const { __builtin_prefetch(next_, 0, 2); }

    const char* next_;
    int64_t share_;
};

// The loops over rows and vectors must all be unrolled: an array that is indexed by a variable once is
// kept in memory, not in registers, everywhere.
template <class Bytes, int kRows, int kPanels>
static void byte_tile(const LinearTask& task, const QuantizedInputs& inputs, int64_t row,
                      int64_t panel, int64_t panels_ahead) {
    constexpr int kWidth = kPanels * kVectors;
    constexpr bool kIsGrouped = Bytes::kPerWord == 8;
    const PackedWeight& weight = task.weight;
    const int64_t panel_words = weight.in_features / Bytes::kPerWord * kPanel;
    const int64_t group_words = inputs.group_size / Bytes::kPerWord;
    const int32_t* next = weight.words + panel * panel_words;
    const int8_t* x = inputs.bytes + row * inputs.in_features;
    PanelsAhead ahead(task, next, panels_ahead * panel_words, kPanels * panel_words, row, kRows);
    Floats sums[kRows][kWidth] = {};
    for (int64_t g = 0; g < inputs.num_groups; g++) {
        if constexpr (kPanels == 1) ahead.fetch_part(inputs.num_groups);
        Ints exact[kRows][kWidth];
#pragma GCC unroll 16
        for (int r = 0; r < kRows; r++) {
            int32_t sum = inputs.sums[(row + r) * inputs.num_groups + g];
#pragma GCC unroll 8
            for (int v = 0; v < kWidth; v++) exact[r][v] = Ints{} - Bytes::kBias * sum;
        }
        for (int64_t word = 0; word < group_words; word++) {
            Ints words[kWidth];
#pragma GCC unroll 8
            for (int v = 0; v < kWidth; v++) {
                words[v] = load(next + v / kVectors * panel_words + v % kVectors * kLanes);
                // A low tile is done too soon for whole parts to arrive; one or two rows read as fast
                // as memory gives, in order.
                if constexpr (kPanels > 1 && kRows > 2) ahead.fetch_line();
            }
            next += kPanel;
            repeat<Bytes::kPerWord / 4>([&]<int kHalf>() __attribute__((always_inline)) {
                Ints bytes[kWidth];
#pragma GCC unroll 8
                for (int v = 0; v < kWidth; v++) bytes[v] = Bytes::template bytes<kHalf>(words[v]);
#pragma GCC unroll 16
                for (int r = 0; r < kRows; r++) {
                    int32_t four;
                    memcpy(&four, x + r * inputs.in_features + 4 * kHalf, 4);
                    Ints input = Ints{} + four;
#pragma GCC unroll 8
                    for (int v = 0; v < kWidth; v++)
                        exact[r][v] = dot_bytes(exact[r][v], bytes[v], input);
                }
            });
            x += Bytes::kPerWord;
        }
#pragma GCC unroll 8
        for (int v = 0; v < kWidth; v++) {
            Floats scale, shift;
            if constexpr (kIsGrouped) {
                int64_t group = (panel + v / kVectors) * inputs.num_groups + g;
                scale = load(weight.scale + group * kPanel + v % kVectors * kLanes) * Bytes::kPower;
                shift = load(weight.shift + group * kPanel + v % kVectors * kLanes);
            }
#pragma GCC unroll 16
            for (int r = 0; r < kRows; r++) {
                int64_t at = (row + r) * inputs.num_groups + g;
                Floats product = to_floats(exact[r][v]);
                if constexpr (kIsGrouped) product = product * scale + (float)inputs.sums[at] * shift;
                sums[r][v] = sums[r][v] + inputs.scales[at] * product;
            }
        }
    }
#pragma GCC unroll 8
    for (int p = 0; p < kPanels; p++) {
        const PanelOutput output(task, panel + p, Bytes::kPower);
#pragma GCC unroll 16
        for (int r = 0; r < kRows; r++) output.store_row(row + r, sums[r] + p * kVectors);
    }
}

template <class Bytes>
static void multiply_bytes(const LinearTask& task, const QuantizedInputs& inputs) {
    constexpr int kMostPanels = 2;
    const int64_t panels_ahead = kamado::num_threads() * panels_together<kMostPanels>(task.rows);
    for_each_panel_and_tile<kMostPanels>(task, [&]<int kRows, int kPanels>(int64_t row, int64_t panel) {
        byte_tile<Bytes, kRows, kPanels>(task, inputs, row, panel, panels_ahead);
    });
}

static void quantized_linear(const LinearTask& task) {
    const int64_t in_features = task.weight.in_features;
    QuantizedInputs inputs(task);
    parallel_for(task.rows, 1 + kGrainNumbers / in_features, [&](int64_t row) {
        const float* x = task.x + row * task.x_stride;
        if (task.norm_weight) {
            Scratch normed(Scratch::kInputs, in_features);
            rms_norm_row(x, task.norm_weight, task.norm_eps, in_features, normed.data);
            x = normed.data;
        }
        inputs.quantize_row(row, x);
    });
    if (task.weight.format == WeightFormat::kInt8)
        multiply_bytes<Int8Bytes>(task, inputs);
    else
        multiply_bytes<Int4Bytes>(task, inputs);
}

}  // namespace KAMADO_TARGET

#else

namespace KAMADO_TARGET {
constexpr bool kMultipliesBytes = false;
static void quantized_linear(const LinearTask&) {}
}  // namespace KAMADO_TARGET

#endif
