// What the kernels take and give, in plain C++: the border between the operators, which know torch,
// and the kernels, which are compiled once per instruction set and know nothing but memory.
#pragma once

#include <stdint.h>

namespace kamado {

// Output channels that are stored together. A panel is the unit in which a weight is packed, read
// and divided among threads.
constexpr int kPanel = 32;

enum class WeightFormat : int64_t { kFloat32, kBFloat16, kInt8, kInt4 };

enum class Activation : int64_t { kNone, kSilu, kGelu, kGeluTanh };

// A weight [out_features, in_features] in 32-bit words, each with one, two, four or eight
// consecutive inputs of one channel: words [num_panels][in_features / inputs_per_word][kPanel].
struct PackedWeight {
    WeightFormat format;
    int64_t num_panels;
    int64_t in_features;
    const int32_t* words;
    // int8: scale [num_panels][kPanel]. int4: scale and shift [num_panels][num_groups][kPanel], a
    // group being `group_size` inputs, and the weight q * scale + shift. Else null.
    const float* scale;
    const float* shift;
    int64_t group_size;
};

// y = activation(gate) * up, or y = x W^T + bias + residual, for x [rows, in_features] that may be
// normalised first. With an activation every panel holds kPanel / 2 gates, then their ups.
struct LinearTask {
    PackedWeight weight;
    const float* x;
    int64_t x_stride;
    int64_t rows;
    const float* norm_weight;  // null: x as it is
    float norm_eps;
    const float* bias;      // [num_panels][kPanel], or null
    const float* residual;  // as y, or null; may be y itself
    Activation activation;
    float* y;  // [rows, out_features], contiguous
    int64_t out_features;
    // Up to so many rows, weights are unpacked in registers, again for every few rows; above, a
    // block of them is unpacked once for all rows.
    int64_t max_direct_rows;
};

// One instruction set's kernels.
struct KernelTable {
    const char* name;
    void (*linear)(const LinearTask&);
};

const KernelTable& kernels_avx512();
const KernelTable& kernels_avx2();
const KernelTable& kernels_portable();

}  // namespace kamado
