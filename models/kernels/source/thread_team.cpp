#define KAMADO_TARGET common
#include "thread_team.h"

#include <ATen/Parallel.h>
#include <pthread.h>

#include <atomic>
#include <thread>

namespace kamado {
namespace {

// Looks for work before a thread sleeps: some 100 microseconds, longer than Python's pauses between
// the kernels of a step. Every so often it offers its core to whoever else wants it.
constexpr int kLooks = 4096;
constexpr int kLooksPerYield = 64;

void look_again(int look) {
    if (look % kLooksPerYield == kLooksPerYield - 1) {
        std::this_thread::yield();
    } else {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
}

// A job's number and how many of its items nobody has claimed: changed together, so that a thread
// which was about to claim from a job that is over claims nothing.
struct Ticket {
    uint32_t job;
    uint32_t num_left;
};

class ThreadTeam {
public:
    // One job at a time: if there is one, the second caller does its work alone.
    void run(uint32_t count, int num_threads, void (*work)(int64_t, void*), void* context) {
        if (is_taken_.test_and_set(std::memory_order_acquire)) {
            for (uint32_t item = 0; item < count; item++) work(item, context);
            return;
        }
        const int num_helpers = num_threads - 1;
        while (num_started_ < num_helpers) {
            std::thread(&ThreadTeam::help, this, num_started_).detach();
            num_started_++;
        }
        num_helpers_.store(num_helpers, std::memory_order_relaxed);
        work_ = work;
        context_ = context;
        count_ = count;
        num_unfinished_.store(count, std::memory_order_relaxed);
        const uint32_t job = job_.load(std::memory_order_relaxed) + 1;
        ticket_.store({job, count}, std::memory_order_release);
        job_.store(job, std::memory_order_release);
        job_.notify_all();
        claim_items(job);
        for (int look = 0; num_unfinished_.load(std::memory_order_acquire) > 0; look++) look_again(look);
        is_taken_.clear(std::memory_order_release);
    }

    // In a forked process, where the helpers are not.
    void forget_helpers() {
        num_started_ = 0;
        is_taken_.clear();
    }

private:
    void help(int index) {
        uint32_t seen = 0;
        while (true) {
            for (int look = 0; look < kLooks && job_.load(std::memory_order_acquire) == seen; look++)
                look_again(look);
            job_.wait(seen, std::memory_order_acquire);
            seen = job_.load(std::memory_order_acquire);
            if (index < num_helpers_.load(std::memory_order_relaxed)) claim_items(seen);
        }
    }

    void claim_items(uint32_t job) {
        Ticket ticket = ticket_.load(std::memory_order_acquire);
        while (ticket.job == job && ticket.num_left > 0) {
            if (!ticket_.compare_exchange_weak(ticket, {job, ticket.num_left - 1},
                                               std::memory_order_acq_rel, std::memory_order_acquire))
                continue;
            // The job is not over before this item is: what describes it stands still.
            work_(count_ - ticket.num_left, context_);
            num_unfinished_.fetch_sub(1, std::memory_order_release);
            ticket = ticket_.load(std::memory_order_acquire);
        }
    }

    std::atomic_flag is_taken_;
    int num_started_ = 0;
    std::atomic<int> num_helpers_ = 0;
    void (*work_)(int64_t, void*);
    void* context_;
    int64_t count_;
    alignas(64) std::atomic<uint32_t> job_ = 0;  // the last one's number
    alignas(64) std::atomic<Ticket> ticket_ = Ticket{0, 0};
    alignas(64) std::atomic<uint32_t> num_unfinished_ = 0;
};

// Never destroyed: its threads may still look at it when the process ends.
ThreadTeam& team() {
    static ThreadTeam* const team = [] {
        pthread_atfork(nullptr, nullptr, [] { kamado::team().forget_helpers(); });
        return new ThreadTeam;
    }();
    return *team;
}

}  // namespace

int num_threads() { return at::get_num_threads(); }

void run_on_threads(int64_t count, void (*work)(int64_t, void*), void* context) {
    team().run(static_cast<uint32_t>(count), num_threads(), work, context);
}

}  // namespace kamado
