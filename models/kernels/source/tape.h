// Kernel calls that are recorded once and replayed without Python between them.
//
// Python takes some microseconds for each call, and the interpreter's lock every time: on a small
// model that is as long as the kernel, and longer where another thread answers HTTP meanwhile.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/custom_class.h>

#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace kamado {

using at::Tensor;

class Tape : public torch::CustomClassHolder {
public:
    // From here on the calling thread's recorded operators are put on the tape, until `end`.
    void begin(std::vector<Tensor> inputs);

    // The result of the whole is `output`, which one of the calls gave; null if there is none.
    void end(const std::optional<Tensor>& output);

    // The same calls on inputs in the order of `begin`. Other tensors are those of the recording.
    Tensor replay(std::vector<Tensor> inputs) const;

    int64_t num_calls() const { return static_cast<int64_t>(calls_.size()); }

    // The tape that the calling thread records on, or null.
    static Tape*& current();

    template <class Operator, class... Arguments>
    void add(Operator op, const Tensor& result, const Arguments&... arguments) {
        calls_.push_back(
            [op, kept = std::tuple(keep(arguments)...)](const std::vector<Tensor>& registers) {
                return std::apply(
                    [&](const auto&... each) { return op(given(each, registers)...); }, kept);
            });
        registers_.push_back(result);
    }

private:
    using Call = std::function<Tensor(const std::vector<Tensor>&)>;

    // A tensor of an earlier call, or of the inputs, stands in a register; others are kept.
    struct Argument {
        std::optional<Tensor> constant;
        int64_t place;  // -1: the constant
    };

    int64_t place_of(const Tensor& tensor) const;  // -1: in no register
    Argument keep(const Tensor& tensor) { return keep(std::optional<Tensor>(tensor)); }
    Argument keep(const std::optional<Tensor>& tensor);
    template <class Scalar>
        requires std::is_arithmetic_v<Scalar>
    Scalar keep(Scalar value) {
        return value;
    }

    // What an operator takes for it: a Tensor, or one that may be missing.
    struct Given {
        std::optional<Tensor> tensor;
        operator const Tensor&() const { return *tensor; }
        operator const std::optional<Tensor>&() const { return tensor; }
    };

    static Given given(const Argument& argument, const std::vector<Tensor>& registers) {
        if (argument.place < 0) return {argument.constant};
        return {registers[argument.place]};
    }
    template <class Scalar>
    static Scalar given(Scalar value, const std::vector<Tensor>&) {
        return value;
    }

    std::vector<Call> calls_;
    std::vector<Tensor> registers_;  // while recording: the inputs, then each call's result
    std::vector<int64_t> last_uses_;  // by register, the last call that reads it
    std::vector<std::vector<int64_t>> frees_;  // by call, results that nobody reads after it
    size_t num_inputs_ = 0;
    int64_t output_ = -1;
};

// The operator as it is registered: also puts itself on the tape that is recorded, if any.
template <auto kOperator>
struct Recorded;

template <class... Arguments, Tensor (*kOperator)(Arguments...)>
struct Recorded<kOperator> {
    static Tensor call(Arguments... arguments) {
        Tensor result = kOperator(arguments...);
        if (Tape* tape = Tape::current()) tape->add(kOperator, result, arguments...);
        return result;
    }
};

}  // namespace kamado
