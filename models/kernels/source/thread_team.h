// Threads that share the work of a kernel with the one that calls it.
//
// Work is cut into items, and whoever is free claims the next. The caller claims as well, and waits in
// the end only for items that another thread has begun: a thread that is late, because it sleeps or
// because another process has its core, is not waited for. At the barriers of OpenMP every thread of
// the team is, and on a machine that does anything else beside, that is most of a small step's time.
#pragma once

#include <stdint.h>

namespace kamado {

// How many threads a kernel that is called on this thread may use: torch's number.
int num_threads();

// Calls work(0, context) ... work(count - 1, context), each once, on up to num_threads() threads, and
// returns when all have returned.
void run_on_threads(int64_t count, void (*work)(int64_t item, void* context), void* context);

}  // namespace kamado

namespace KAMADO_TARGET {

// f(0) ... f(count - 1), in items of `grain`, which is worth a few microseconds: one item stays on
// the calling thread.
template <class F>
static inline void parallel_for(int64_t count, int64_t grain, F&& f) {
    if (count <= grain || kamado::num_threads() == 1) {
        for (int64_t i = 0; i < count; i++) f(i);
        return;
    }
    struct Loop {
        F& f;
        int64_t count;
        int64_t grain;
    } loop{f, count, grain};
    kamado::run_on_threads(
        (count + grain - 1) / grain,
        [](int64_t item, void* context) {
            const Loop& loop = *(Loop*)context;
            const int64_t stop = (item + 1) * loop.grain;
            for (int64_t i = item * loop.grain; i < stop && i < loop.count; i++) loop.f(i);
        },
        &loop);
}

}  // namespace KAMADO_TARGET
