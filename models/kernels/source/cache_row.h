// What a row brings into the cache, and how a cache of bytes is read: norm and rotation of queries and
// keys, rounding of keys and values.
#pragma once

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "kernels.h"
#include "norm.h"
#include "simd.h"

namespace KAMADO_TARGET {

using kamado::AttentionTask;

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
    for (int64_t d = 0; d < head_dim; d += kLanes)
        store(x + d, to_floats(load_bytes((const int8_t*)stored + d)) * scale);
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

}  // namespace KAMADO_TARGET
