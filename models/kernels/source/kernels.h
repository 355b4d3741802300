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
    // Round inputs to eight bits: of int8 and int4 weights, where the target multiplies bytes.
    bool quantizes_inputs;
};

// Attention of packed, ragged rows over the paged cache, after its keys and values are written there.
// Sequence i owns rows query_starts[i] to query_starts[i + 1], the last tokens of its context.
struct AttentionTask {
    const float* qkv;  // [num_rows][num_heads + 2 * num_kv_heads][head_dim]: queries, keys, values
    int64_t qkv_stride;
    int64_t num_rows;
    int64_t num_heads;
    int64_t num_kv_heads;
    int64_t head_dim;
    const float* norm_weight;  // [num_heads + num_kv_heads][head_dim], or null
    float norm_eps;
    const float* rotation;  // by position [rotary_dim]: all cosines, then all sines; or null
    int64_t rotary_dim;
    const int64_t* positions;  // [num_rows]
    const int64_t* slots;      // [num_rows]
    // [num_slots][num_kv_heads][stored_size]: head_dim floats, or as many bytes and their scale.
    float* keys;
    float* values;
    int64_t stored_size;
    int64_t block_size;
    const int32_t* block_tables;  // [num_seqs][max_blocks]
    int64_t max_blocks;
    const int32_t* query_starts;  // [num_seqs + 1]
    const int32_t* context_lens;  // [num_seqs]
    int64_t num_seqs;
    float scale;
    int64_t window;  // a row sees so many keys, its own included; 0: all
    float softcap;   // 0: none
    float* output;   // [num_rows][num_heads][head_dim]; meanwhile the queries lie there

    bool holds_bytes() const { return stored_size != head_dim; }
};

// y = x / rms(x) * weight + residual
struct NormTask {
    const float* x;  // [rows][size]
    int64_t rows;
    int64_t size;
    const float* weight;  // [size]
    float eps;
    const float* residual;  // as x, or null
    float* y;
};

// What to find in some rows of logits.
struct LogitsTask {
    const float* logits;
    int64_t stride;
    int64_t vocab_size;
    const int64_t* rows;  // [num_rows], which ones
    int64_t num_rows;
    const float* temperatures;  // [num_rows], for top_k and draw
    const double* uniforms;     // [num_rows] in [0, 1), for draw
    int64_t k;                  // for top_k
    float* values;              // [num_rows]: log sums, of top_k
    float* largest;             // [num_rows][k], for top_k
    int64_t* ids;               // [num_rows], -1 where none is finite; of top_k [num_rows][k]
};

// What a grammar forbids in some rows of logits: a bit by id, of which the lowest comes first; 0 is
// forbidden and becomes -inf.
struct MaskTask {
    float* logits;
    int64_t stride;
    int64_t vocab_size;
    const int32_t* bits;  // [num_rows][words]
    int64_t words;        // 32 bits each, at least as many as the vocabulary needs
    const int64_t* rows;  // [num_rows], which ones
    int64_t num_rows;
};

// One instruction set's kernels.
struct KernelTable {
    const char* name;
    bool multiplies_bytes;
    void (*linear)(const LinearTask&);
    void (*attention)(const AttentionTask&);
    void (*rms_norm)(const NormTask&);
    void (*argmax)(const LogitsTask&);
    void (*top_k)(const LogitsTask&);
    void (*draw)(const LogitsTask&);
    void (*mask)(const MaskTask&);
};

const KernelTable& kernels_avx512vnni();
const KernelTable& kernels_avx512();
const KernelTable& kernels_avx2();
const KernelTable& kernels_portable();

}  // namespace kamado
