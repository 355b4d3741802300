// Root mean square layer normalisation (Zhang and Sennrich 2019).
#pragma once

#include "kernels.h"
#include "simd.h"
#include "thread_team.h"

namespace KAMADO_TARGET {

constexpr int64_t kGrainNumbers = 16384;  // so many are normed in a few microseconds

// y = x / rms(x) * weight
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
    parallel_for(task.rows, 1 + kGrainNumbers / task.size, [&](int64_t row) {
        float* y = task.y + row * task.size;
        rms_norm_row(task.x + row * task.size, task.weight, task.eps, task.size, y);
        if (task.residual)
            for (int64_t i = 0; i < task.size; i++) y[i] += task.residual[row * task.size + i];
    });
}

}  // namespace KAMADO_TARGET
