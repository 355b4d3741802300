// What sampling asks of a row of logits: the largest, the k largest, one drawn at random. A vocabulary
// of 150,000 is read once or twice where it lies, never copied nor sorted.
//
// Rows are read in chunks, whose results are the same bits whichever thread computes them.
#pragma once

#include <math.h>

#include "kernels.h"
#include "scratch.h"
#include "simd.h"
#include "thread_team.h"

namespace KAMADO_TARGET {

using kamado::LogitsTask;

constexpr int64_t kChunk = 256;
constexpr int64_t kGrainChunks = 64;  // read in a few microseconds

static int64_t num_chunks(const LogitsTask& task) { return (task.vocab_size + kChunk - 1) / kChunk; }

// A chunk of the task's row, padded with -inf in `buffer` where the vocabulary ends.
static const float* chunk_of(const LogitsTask& task, int64_t row, int64_t chunk, float* buffer) {
    const float* x = task.logits + task.rows[row] * task.stride + chunk * kChunk;
    const int64_t left = task.vocab_size - chunk * kChunk;
    if (left >= kChunk) return x;
    for (int64_t i = 0; i < kChunk; i++) buffer[i] = i < left ? x[i] : -kInfinity;
    return buffer;
}

// NaN if there is one.
static float chunk_maximum(const float* x) {
    Floats largest = -kInfinity - Floats{};
    Ints is_nan{};
    for (int64_t i = 0; i < kChunk; i += kLanes) {
        Floats v = load(x + i);
        largest = max(v, largest);
        is_nan = is_nan | (v != v);
    }
    for (int i = 0; i < kLanes; i++)
        if (is_nan[i]) return __builtin_nanf("");
    return max(largest);
}

// weights[i] = e^((x[i] - maximum) / temperature); returns their sum.
static float weigh_chunk(const float* x, float maximum, float temperature, float* weights) {
    Floats total{};
    for (int64_t i = 0; i < kChunk; i += kLanes) {
        Floats weight = exp((load(x + i) - maximum) / temperature);
        store(weights + i, weight);
        total = total + weight;
    }
    return sum(total);
}

// By row and chunk.
struct ChunkMaxima {
    float* maxima;
    int64_t chunks;

    float of_row(int64_t row) const {
        float largest = -kInfinity;
        for (int64_t c = 0; c < chunks; c++) {
            float x = maxima[row * chunks + c];
            if (!(x <= largest)) largest = x;
            if (x != x) break;
        }
        return largest;
    }
};

static void find_chunk_maxima(const LogitsTask& task, const ChunkMaxima& maxima) {
    parallel_for(task.num_rows * maxima.chunks, kGrainChunks, [&](int64_t i) {
        float buffer[kChunk];
        maxima.maxima[i] = chunk_maximum(chunk_of(task, i / maxima.chunks, i % maxima.chunks, buffer));
    });
}

// Sums of e^((x - maximum of the row) / temperature).
static void find_chunk_sums(const LogitsTask& task, const ChunkMaxima& maxima, float* sums) {
    parallel_for(task.num_rows * maxima.chunks, kGrainChunks, [&](int64_t i) {
        const int64_t row = i / maxima.chunks;
        float buffer[kChunk], weights[kChunk];
        sums[i] = weigh_chunk(chunk_of(task, row, i % maxima.chunks, buffer), task.values[row],
                              task.temperatures[row], weights);
    });
}

static double total_of(const float* sums, int64_t chunks) {
    double total = 0.0;
    for (int64_t c = 0; c < chunks; c++) total += sums[c];
    return total;
}

static void argmax(const LogitsTask& task) {
    const int64_t chunks = num_chunks(task);
    const ChunkMaxima maxima{Scratch(Scratch::kInputs, task.num_rows * chunks).data, chunks};
    find_chunk_maxima(task, maxima);
    for (int64_t row = 0; row < task.num_rows; row++) {
        const float largest = maxima.of_row(row);
        const float* x = task.logits + task.rows[row] * task.stride;
        int64_t id = 0;
        for (int64_t c = 0; c < chunks; c++)
            if (maxima.maxima[row * chunks + c] == largest) {
                id = c * kChunk;
                while (x[id] != largest) id++;
                break;
            }
        task.ids[row] = largest - largest == 0.0f ? id : -1;
    }
}

// The largest values met so far, in falling order; of equals the one that came first.
struct Largest {
    float* values;
    int64_t* ids;
    int64_t capacity;
    int64_t count = 0;

    float threshold() const { return count < capacity ? -kInfinity : values[count - 1]; }

    void offer(float value, int64_t id) {
        if (count == capacity && !(value > values[count - 1])) return;
        int64_t place = count < capacity ? count++ : count - 1;
        for (; place > 0 && values[place - 1] < value; place--) {
            values[place] = values[place - 1];
            ids[place] = ids[place - 1];
        }
        values[place] = value;
        ids[place] = id;
    }
};

// The k largest lie in the chunks whose maxima are no less than the k-th of those maxima.
static void collect_largest(const LogitsTask& task, const ChunkMaxima& maxima, int64_t row) {
    const float* x = task.logits + task.rows[row] * task.stride;
    const float* own = maxima.maxima + row * maxima.chunks;
    Largest largest{task.largest + row * task.k, task.ids + row * task.k, task.k};
    for (int64_t c = 0; c < maxima.chunks; c++) largest.offer(own[c], c);
    const float threshold = largest.threshold();
    largest.count = 0;
    for (int64_t c = 0; c < maxima.chunks; c++) {
        if (own[c] < threshold || own[c] < largest.threshold()) continue;
        const int64_t left = task.vocab_size - c * kChunk;
        const int64_t stop = c * kChunk + (left < kChunk ? left : kChunk);
        for (int64_t id = c * kChunk; id < stop; id++)
            if (x[id] >= threshold) largest.offer(x[id], id);
    }
}

static void top_k(const LogitsTask& task) {
    const int64_t chunks = num_chunks(task);
    const ChunkMaxima maxima{Scratch(Scratch::kInputs, task.num_rows * chunks).data, chunks};
    float* sums = Scratch(Scratch::kPartials, task.num_rows * chunks).data;
    find_chunk_maxima(task, maxima);
    for (int64_t row = 0; row < task.num_rows; row++) task.values[row] = maxima.of_row(row);
    find_chunk_sums(task, maxima, sums);
    parallel_for(task.num_rows, 1, [&](int64_t row) {
        collect_largest(task, maxima, row);
        float* scaled = task.largest + row * task.k;
        for (int64_t i = 0; i < task.k; i++)
            scaled[i] = (scaled[i] - task.values[row]) / task.temperatures[row];
        task.values[row] = (float)log(total_of(sums + row * chunks, chunks));
    });
}

// The first id at which the cumulative weight passes `target`, which lies in the chunk or, by
// rounding, just behind it.
static int64_t find_in_chunk(const float* weights, double before, double target) {
    int64_t last = 0;
    for (int64_t i = 0; i < kChunk; i++) {
        before += weights[i];
        if (weights[i] > 0.0f) last = i;
        if (before > target) return i;
    }
    return last;
}

static int64_t draw_from_row(const LogitsTask& task, int64_t row, const float* sums, int64_t chunks) {
    const double target = task.uniforms[row] * total_of(sums, chunks);
    double before = 0.0;
    int64_t chosen = -1;
    double before_chosen = 0.0;
    for (int64_t c = 0; c < chunks; c++) {
        if (sums[c] == 0.0f) continue;
        chosen = c;
        before_chosen = before;
        before += sums[c];
        if (before > target) break;
    }
    float buffer[kChunk], weights[kChunk];
    weigh_chunk(chunk_of(task, row, chosen, buffer), task.values[row], task.temperatures[row], weights);
    return chosen * kChunk + find_in_chunk(weights, before_chosen, target);
}

static void draw(const LogitsTask& task) {
    const int64_t chunks = num_chunks(task);
    const ChunkMaxima maxima{Scratch(Scratch::kInputs, task.num_rows * chunks).data, chunks};
    float* sums = Scratch(Scratch::kPartials, task.num_rows * chunks).data;
    find_chunk_maxima(task, maxima);
    for (int64_t row = 0; row < task.num_rows; row++) task.values[row] = maxima.of_row(row);
    find_chunk_sums(task, maxima, sums);
    for (int64_t row = 0; row < task.num_rows; row++)
        task.ids[row] = draw_from_row(task, row, sums + row * chunks, chunks);
}

}  // namespace KAMADO_TARGET
