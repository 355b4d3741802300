// What becomes of a panel's finished sums: scaled, biased, gated or added to, and stored.
#pragma once

#include "activation.h"
#include "kernels.h"
#include "simd.h"

namespace KAMADO_TARGET {

using kamado::kPanel;
using kamado::LinearTask;
using kamado::WeightFormat;

constexpr int kVectors = kPanel / kLanes;  // of one panel

// Holds what all rows of a panel share, so that a tile of them has only its stores left to do: with
// short inputs a tile ends every few thousand cycles.
class PanelOutput {
public:
    // Scales of int8 weights are multiplied by `power`, a power of two.
    PanelOutput(const LinearTask& task, int64_t panel, float power = 1.0f)
        : activation_(task.activation), stride_(task.out_features) {
        const bool is_scaled = task.weight.format == WeightFormat::kInt8;
        for (int v = 0; v < kVectors; v++) {
            const int64_t channel = panel * kPanel + v * kLanes;
            scale_[v] = is_scaled ? load(task.weight.scale + channel) * power : broadcast(1.0f);
            bias_[v] = task.bias ? load(task.bias + channel) : broadcast(-0.0f);
        }
        const int64_t width = activation_ == Activation::kNone ? kPanel : kPanel / 2;
        const int64_t first = panel * width, left = stride_ - first;
        y_ = task.y + first;
        residual_ = task.residual ? task.residual + first : nullptr;
        width_ = left < width ? left : width;
        is_whole_ = left >= width;
    }

    KAMADO_INLINE_MEMBER void store_row(int64_t row, const Floats* sums) const {
        Floats out[kVectors];
        for (int v = 0; v < kVectors; v++) out[v] = sums[v] * scale_[v] + bias_[v];
        if (activation_ != Activation::kNone) {
            for (int v = 0; v < kVectors / 2; v++)
                out[v] = activate(activation_, out[v]) * out[v + kVectors / 2];
            store_vectors<kVectors / 2>(row, out);
        } else {
            store_vectors<kVectors>(row, out);
        }
    }

private:
    template <int kCount>
    KAMADO_INLINE_MEMBER void store_vectors(int64_t row, const Floats* out) const {
        float* y = y_ + row * stride_;
        const float* residual = residual_ ? residual_ + row * stride_ : nullptr;
        if (is_whole_) {
            for (int v = 0; v < kCount; v++) {
                const int at = v * kLanes;
                store(y + at, residual ? out[v] + load(residual + at) : out[v]);
            }
            return;
        }
        float values[kCount * kLanes];
        for (int v = 0; v < kCount; v++) store(values + v * kLanes, out[v]);
        for (int64_t i = 0; i < width_; i++) y[i] = residual ? values[i] + residual[i] : values[i];
    }

    Activation activation_;
    Floats scale_[kVectors];
    Floats bias_[kVectors];
    float* y_;  // of row 0
    const float* residual_;
    int64_t stride_;
    int64_t width_;  // channels that are stored
    bool is_whole_;
};

}  // namespace KAMADO_TARGET
