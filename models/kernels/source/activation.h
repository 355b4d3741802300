// Activation functions of gated feed-forward networks.
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

}  // namespace KAMADO_TARGET
