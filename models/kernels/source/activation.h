// Activation functions of gated feed-forward networks, and the norm that comes before a product.
#pragma once

#include "kernels.h"
#include "simd.h"

namespace KAMADO_TARGET {

using kamado::Activation;

KAMADO_INLINE Floats activate(Activation activation, Floats x) {
    switch (activation) {
        case Activation::kSilu: return x / (1.0f + exp(-x));
        case Activation::kGeluTanh:
            return 0.5f * x * (1.0f + tanh(0.797884561f * (x + 0.044715f * x * x * x)));
        case Activation::kGelu: {
            Floats y;
            for (int i = 0; i < kLanes; i++) y[i] = 0.5f * x[i] * (1.0f + erff(x[i] * 0.707106781f));
            return y;
        }
        default: return x;
    }
}

// y = x / rms(x) * weight (Zhang and Sennrich 2019).
KAMADO_INLINE void rms_norm_row(const float* x, const float* weight, float eps, int64_t size, float* y) {
    Floats squares{};
    int64_t whole = size / kLanes * kLanes;
    for (int64_t i = 0; i < whole; i += kLanes) squares = squares + load(x + i) * load(x + i);
    float total = sum(squares);
    for (int64_t i = whole; i < size; i++) total += x[i] * x[i];
    float factor = 1.0f / sqrtf(total / size + eps);
    for (int64_t i = 0; i < whole; i += kLanes)
        store(y + i, load(x + i) * factor * load(weight + i));
    for (int64_t i = whole; i < size; i++) y[i] = x[i] * factor * weight[i];
}

static void rms_norm(const kamado::NormTask& task) {
    const bool is_small = task.rows * task.size < 16384;
#pragma omp parallel for if (!is_small)
    for (int64_t row = 0; row < task.rows; row++) {
        float* y = task.y + row * task.size;
        rms_norm_row(task.x + row * task.size, task.weight, task.eps, task.size, y);
        if (task.residual)
            for (int64_t i = 0; i < task.size; i++) y[i] += task.residual[row * task.size + i];
    }
}

}  // namespace KAMADO_TARGET
