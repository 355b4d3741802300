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

#define KAMADO_INLINE static KAMADO_INLINE_MEMBER
#define KAMADO_INLINE_MEMBER inline __attribute__((always_inline))

namespace KAMADO_TARGET {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

constexpr float kInfinity = __builtin_inff();

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

// The second where either is NaN.
template <class Vector>
KAMADO_INLINE Vector max(Vector a, Vector b) { return a > b ? a : b; }
template <class Vector>
KAMADO_INLINE Vector min(Vector a, Vector b) { return a < b ? a : b; }

// Calls f with n, 1 to kMost, as a constant.
template <int kMost, class F>
KAMADO_INLINE void with_constant(int64_t n, F&& f) {
    if constexpr (kMost > 1) {
        if (n < kMost) return with_constant<kMost - 1>(n, f);
    }
    f.template operator()<kMost>();
}

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

// e^x within 2 ulp for x <= 88; 0 below -87, where the result would be subnormal; NaN of NaN. Splits x
// into n ln 2 + r with |r| <= ln 2 / 2, takes e^r from its Taylor polynomial of degree 7 and 2^n from
// the bits of the exponent (Cody and Waite 1980, chapter 6). For vectors of any width.
template <class Vector>
KAMADO_INLINE Vector exp(Vector x) {
    typedef decltype(x < x) Integers;
    constexpr Vector kZero{};
    Vector clamped = min(88.0f - kZero, max(-87.0f - kZero, x));
    Vector scaled = clamped * 1.44269504f;
    Vector half = scaled < 0.0f ? -0.5f - kZero : 0.5f - kZero;
    Integers n = __builtin_convertvector(scaled + half, Integers);  // truncates, so this rounds
    Vector whole = __builtin_convertvector(n, Vector);
    Vector r = clamped - whole * 0.693359375f;  // ln 2 in two parts; the first has few bits
    r = r + whole * 2.12194440e-4f;
    Vector p = r * (1.0f / 5040.0f) + 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    Vector power = (Vector)((n + 127) << 23);
    return x < -87.0f ? kZero : p * power;
}

// Near 0, where e^2x - 1 would cancel, from the Taylor polynomial of degree 11.
template <class Vector>
KAMADO_INLINE Vector tanh(Vector x) {
    Vector square = x * x;
    Vector p = square * (-1382.0f / 155925.0f) + 62.0f / 2835.0f;
    p = p * square - 17.0f / 315.0f;
    p = p * square + 2.0f / 15.0f;
    p = p * square - 1.0f / 3.0f;
    Vector far = 1.0f - 2.0f / (exp(min(44.0f - Vector{}, x) * 2.0f) + 1.0f);
    return square < 0.16f ? x + x * square * p : far;
}

}  // namespace KAMADO_TARGET
