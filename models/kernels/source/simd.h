// The one abstraction over instruction sets: a vector of floats as wide as the target's registers.
//
// Every kernel is written once against these types and compiled once for each instruction set, in a
// namespace of its own (KAMADO_TARGET). The compiler's vector extensions do the rest: `a + b * c` on
// two `Floats` becomes a fused multiply-add where the target has one.
//
// Kernels include no C++ library header: a template of the library that is compiled here for AVX-512
// could be the copy that the linker keeps for everybody.
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

#define KAMADO_INLINE static inline __attribute__((always_inline))

namespace KAMADO_TARGET {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float Floats __attribute__((vector_size(kLanes * 4)));
typedef int32_t Ints __attribute__((vector_size(kLanes * 4)));
// The same in memory that is aligned to its elements only.
typedef float UnalignedFloats __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));
typedef int32_t UnalignedInts __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

KAMADO_INLINE Floats load(const float* p) { return *(const UnalignedFloats*)p; }
KAMADO_INLINE Ints load(const int32_t* p) { return *(const UnalignedInts*)p; }
KAMADO_INLINE void store(float* p, Floats v) { *(UnalignedFloats*)p = v; }
KAMADO_INLINE Floats broadcast(float x) { return x - Floats{}; }
KAMADO_INLINE Floats to_floats(Ints v) { return __builtin_convertvector(v, Floats); }
KAMADO_INLINE Floats bits_as_floats(Ints v) { return (Floats)v; }
KAMADO_INLINE Floats max(Floats a, Floats b) { return a > b ? a : b; }
KAMADO_INLINE Floats min(Floats a, Floats b) { return a < b ? a : b; }

// Swaps lanes i and i ^ kDistance, kDistance a power of two.
template <int kDistance>
KAMADO_INLINE Floats swap_lanes(Floats v) {
    Ints lane;
    for (int i = 0; i < kLanes; i++) lane[i] = i ^ kDistance;
    return __builtin_shuffle(v, lane);
}

KAMADO_INLINE float sum(Floats v) {
    if constexpr (kLanes > 8) v = v + swap_lanes<8>(v);
    if constexpr (kLanes > 4) v = v + swap_lanes<4>(v);
    v = v + swap_lanes<2>(v);
    v = v + swap_lanes<1>(v);
    return v[0];
}

KAMADO_INLINE float max(Floats v) {
    if constexpr (kLanes > 8) v = max(v, swap_lanes<8>(v));
    if constexpr (kLanes > 4) v = max(v, swap_lanes<4>(v));
    v = max(v, swap_lanes<2>(v));
    v = max(v, swap_lanes<1>(v));
    return v[0];
}

// e^x within 2 ulp for x <= 88; 0 below -87, where the result would be subnormal. Splits x into
// n ln 2 + r with |r| <= ln 2 / 2, takes e^r from its Taylor polynomial of degree 7 and 2^n from the
// bits of the exponent (Cody and Waite 1980, chapter 6).
KAMADO_INLINE Floats exp(Floats x) {
    Floats clamped = min(max(x, broadcast(-87.0f)), broadcast(88.0f));
    Floats scaled = clamped * 1.44269504f;
    Floats half = scaled < 0.0f ? broadcast(-0.5f) : broadcast(0.5f);
    Ints n = __builtin_convertvector(scaled + half, Ints);  // truncates, so this rounds
    Floats whole = to_floats(n);
    Floats r = clamped - whole * 0.693359375f;  // ln 2 in two parts; the first has few bits
    r = r + whole * 2.12194440e-4f;
    Floats p = r * (1.0f / 5040.0f) + 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    Floats power = bits_as_floats((n + 127) << 23);
    return x < -87.0f ? Floats{} : p * power;
}

KAMADO_INLINE Floats tanh(Floats x) {
    Floats e = exp(2.0f * x);
    return x > 40.0f ? broadcast(1.0f) : 1.0f - 2.0f / (e + 1.0f);
}

}  // namespace KAMADO_TARGET
