// Logits with what a grammar forbids taken out: bits are spread over lanes as they are read.
#pragma once

#include "kernels.h"
#include "simd.h"
#include "thread_team.h"

namespace KAMADO_TARGET {

static void mask_row(float* logits, int64_t vocab_size, const int32_t* bits) {
    Ints lane_bits;
    for (int lane = 0; lane < kLanes; lane++) lane_bits[lane] = 1 << lane;
    int64_t id = 0;
    for (; id + kLanes <= vocab_size; id += kLanes) {
        const Ints own = Ints{} + (int32_t)((uint32_t)bits[id / 32] >> (id % 32));
        store(logits + id, (own & lane_bits) != 0 ? load(logits + id) : -kInfinity - Floats{});
    }
    for (; id < vocab_size; id++)
        if (!((uint32_t)bits[id / 32] >> (id % 32) & 1)) logits[id] = -kInfinity;
}

static void mask(const kamado::MaskTask& task) {
    parallel_for(task.num_rows, 1 + 16384 / task.vocab_size, [&](int64_t i) {
        mask_row(task.logits + task.rows[i] * task.stride, task.vocab_size,
                 task.bits + i * task.words);
    });
}

}  // namespace KAMADO_TARGET
