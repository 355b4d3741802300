// Memory that a thread keeps between calls: fresh pages for every large product would cost as much
// as the product.
#pragma once

#include <stdint.h>
#include <stdlib.h>

namespace KAMADO_TARGET {

// Valid until the same thread asks for the same purpose again.
struct Scratch {
    enum Purpose { kInputs, kBytes, kBlocks, kPartials, kAttention, kTiles, kSpans, kNumPurposes };

    float* data;

    Scratch(Purpose purpose, int64_t num_floats) {
        static thread_local float* kept[kNumPurposes];
        static thread_local int64_t sizes[kNumPurposes];
        if (sizes[purpose] < num_floats) {
            free(kept[purpose]);
            kept[purpose] = (float*)aligned_alloc(64, (num_floats * sizeof(float) + 63) / 64 * 64);
            if (!kept[purpose]) abort();
            sizes[purpose] = num_floats;
        }
        data = kept[purpose];
    }
};

}  // namespace KAMADO_TARGET
