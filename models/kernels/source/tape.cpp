#include "tape.h"

#include <ATen/record_function.h>
#include <c10/util/Exception.h>

#include <algorithm>

namespace kamado {

Tape*& Tape::current() {
    static thread_local Tape* tape = nullptr;
    return tape;
}

void Tape::begin(std::vector<Tensor> inputs) {
    TORCH_CHECK(!current() && calls_.empty(), "a tape is recorded once, and one at a time");
    num_inputs_ = inputs.size();
    registers_ = std::move(inputs);
    current() = this;
}

Tape::Argument Tape::keep(const std::optional<Tensor>& tensor) {
    const int64_t place = tensor ? place_of(*tensor) : -1;
    if (place < 0) return {tensor, -1};
    last_uses_.resize(registers_.size(), -1);
    last_uses_[place] = num_calls();
    return {std::nullopt, place};
}

int64_t Tape::place_of(const Tensor& tensor) const {
    for (size_t place = 0; place < registers_.size(); place++)
        if (tensor.is_same(registers_[place])) return static_cast<int64_t>(place);
    return -1;
}

void Tape::end(const std::optional<Tensor>& output) {
    current() = nullptr;
    output_ = output ? place_of(*output) : -1;
    last_uses_.resize(registers_.size(), -1);
    frees_.resize(calls_.size());
    for (int64_t call = 0; call < num_calls(); call++) {
        const int64_t place = static_cast<int64_t>(num_inputs_) + call;
        if (place != output_) frees_[std::max(call, last_uses_[place])].push_back(place);
    }
    registers_.clear();
}

Tensor Tape::replay(std::vector<Tensor> inputs) const {
    RECORD_FUNCTION("kamado::replay", {});  // a profiler sees no call of its kernels
    TORCH_CHECK(output_ >= 0, "nothing was recorded that gives a result");
    TORCH_CHECK(inputs.size() == num_inputs_, "recorded with ", num_inputs_, " inputs, replayed with ",
                inputs.size());
    std::vector<Tensor> registers = std::move(inputs);
    registers.reserve(num_inputs_ + calls_.size());
    for (size_t call = 0; call < calls_.size(); call++) {
        registers.push_back(calls_[call](registers));
        for (int64_t place : frees_[call]) registers[place].reset();
    }
    return registers[output_];
}

}  // namespace kamado
