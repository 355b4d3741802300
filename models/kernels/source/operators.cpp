// The kernels as torch operators: checks shapes, allocates results, picks the instruction set. What
// each operator means stands in operators.py, beside its fake.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <sys/mman.h>
#include <torch/library.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "kernels.h"
#include "tape.h"

namespace kamado {
namespace {

using at::Tensor;
using OptionalTensor = std::optional<Tensor>;

const KernelTable& best_kernels() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        return __builtin_cpu_supports("avx512vnni") ? kernels_avx512vnni() : kernels_avx512();
    if (has_avx2) return kernels_avx2();
#endif
    return kernels_portable();
}

const KernelTable* current = &best_kernels();

std::string instruction_set() { return current->name; }

bool multiplies_bytes() { return current->multiplies_bytes; }

void use_instruction_set(std::string name) {
    TORCH_CHECK_VALUE(!name.empty(), "name an instruction set");
#if defined(__x86_64__)
    if (name == "avx512vnni") current = &kernels_avx512vnni();
    else if (name == "avx512") current = &kernels_avx512();
    else if (name == "avx2") current = &kernels_avx2();
    else
#endif
    if (name == "portable") current = &kernels_portable();
    else if (name == "best") current = &best_kernels();
    else TORCH_CHECK_VALUE(false, "no kernels for ", name);
}

void advise_huge_pages(const Tensor& t) {
    constexpr uintptr_t kHugePage = 1 << 21;
    const uintptr_t start = reinterpret_cast<uintptr_t>(t.const_data_ptr());
    const uintptr_t first = (start + kHugePage - 1) / kHugePage * kHugePage;
    const uintptr_t end = (start + t.nbytes()) / kHugePage * kHugePage;
    if (first < end) madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
}

const float* floats(const Tensor& t) {
    TORCH_CHECK(t.scalar_type() == at::kFloat && t.is_contiguous(), "expected contiguous fp32");
    return t.const_data_ptr<float>();
}

const float* floats(const OptionalTensor& t) { return t ? floats(*t) : nullptr; }

Tensor linear(const Tensor& x, const Tensor& words, const OptionalTensor& scale,
              const OptionalTensor& shift, const OptionalTensor& bias, const OptionalTensor& residual,
              const OptionalTensor& norm_weight, double norm_eps, int64_t format, int64_t activation,
              int64_t out_features, int64_t max_direct_rows, bool quantizes_inputs) {
    constexpr int64_t kInputsPerWord[] = {1, 2, 4, 8};
    TORCH_CHECK(x.dim() == 2 && x.scalar_type() == at::kFloat && x.stride(1) == 1,
                "x is [rows, in_features] fp32 with adjacent columns");
    TORCH_CHECK(words.dim() == 3 && words.scalar_type() == at::kInt && words.size(2) == kPanel &&
                words.is_contiguous(), "words are [panels, words, ", kPanel, "] int32");
    TORCH_CHECK(format >= 0 && format < 4, "no weight format ", format);
    const int64_t in_features = words.size(1) * kInputsPerWord[format];
    TORCH_CHECK(x.size(1) == in_features, "x has ", x.size(1), " columns, the weight ", in_features);
    Tensor y = at::empty({x.size(0), out_features}, x.options());
    TORCH_CHECK(!residual || residual->sizes() == y.sizes(), "residual is shaped as the result");
    TORCH_CHECK(!quantizes_inputs || (current->multiplies_bytes && format >= 2),
                "inputs can be rounded to bytes only with int8 or int4 weights, and only where the ",
                "processor multiplies bytes (AVX-512 VNNI)");
    if (x.size(0) == 0) return y;
    const int64_t num_groups = scale && scale->dim() == 3 ? scale->size(1) : 1;
    current->linear(LinearTask{
        .weight = {static_cast<WeightFormat>(format), words.size(0), in_features,
                   words.const_data_ptr<int32_t>(), floats(scale), floats(shift),
                   in_features / num_groups},
        .x = x.const_data_ptr<float>(),
        .x_stride = x.stride(0),
        .rows = x.size(0),
        .norm_weight = floats(norm_weight),
        .norm_eps = static_cast<float>(norm_eps),
        .bias = floats(bias),
        .residual = floats(residual),
        .activation = static_cast<Activation>(activation),
        .y = y.mutable_data_ptr<float>(),
        .out_features = out_features,
        .max_direct_rows = max_direct_rows,
        .quantizes_inputs = quantizes_inputs,
    });
    return y;
}

const int32_t* ints(const Tensor& t) {
    TORCH_CHECK(t.scalar_type() == at::kInt && t.is_contiguous(), "expected contiguous int32");
    return t.const_data_ptr<int32_t>();
}

const int64_t* longs(const Tensor& t) {
    TORCH_CHECK(t.scalar_type() == at::kLong && t.is_contiguous(), "expected contiguous int64");
    return t.const_data_ptr<int64_t>();
}

Tensor paged_attention(const Tensor& qkv, const OptionalTensor& norm_weight, double norm_eps,
                       const OptionalTensor& rotation, const Tensor& positions, const Tensor& slots,
                       const Tensor& keys, const Tensor& values, const Tensor& block_tables,
                       const Tensor& query_starts, const Tensor& context_lens, double scale,
                       int64_t window, double softcap) {
    TORCH_CHECK(keys.dim() == 4 && values.sizes() == keys.sizes(),
                "keys and values are [num_blocks, block_size, num_kv_heads, head_dim]");
    const bool holds_bytes = keys.scalar_type() == at::kChar;
    TORCH_CHECK(keys.is_contiguous() && values.is_contiguous() &&
                    values.scalar_type() == keys.scalar_type() &&
                    (holds_bytes || keys.scalar_type() == at::kFloat),
                "keys and values are contiguous, both fp32 or both int8");
    const int64_t num_kv_heads = keys.size(2);
    const int64_t head_dim = keys.size(3) - (holds_bytes ? sizeof(float) : 0);
    TORCH_CHECK(qkv.dim() == 2 && qkv.scalar_type() == at::kFloat && qkv.stride(1) == 1,
                "qkv is [num_rows, columns] fp32 with adjacent columns");
    const int64_t num_rows = qkv.size(0), num_heads = qkv.size(1) / head_dim - 2 * num_kv_heads;
    TORCH_CHECK(head_dim % 16 == 0 && num_heads > 0 && num_heads % num_kv_heads == 0 &&
                    qkv.size(1) == (num_heads + 2 * num_kv_heads) * head_dim,
                "qkv's ", qkv.size(1), " columns are no groups of heads over ", num_kv_heads,
                " key heads of ", head_dim, " dimensions, a multiple of 16");
    TORCH_CHECK(!norm_weight || norm_weight->numel() == (num_heads + num_kv_heads) * head_dim,
                "norm_weight is [num_heads + num_kv_heads, head_dim]");
    TORCH_CHECK(!rotation || (rotation->dim() == 2 && rotation->size(1) <= head_dim),
                "rotation is [num_positions, rotary_dim]");
    TORCH_CHECK(positions.numel() == num_rows && slots.numel() == num_rows,
                "positions and slots are [num_rows]");
    const int64_t num_seqs = context_lens.numel();
    TORCH_CHECK(query_starts.numel() == num_seqs + 1 && block_tables.dim() == 2 &&
                    block_tables.size(0) == num_seqs,
                "block_tables, query_starts and context_lens are of as many sequences");
    Tensor output = at::empty({num_rows, num_heads * head_dim}, qkv.options());
    if (num_rows == 0) return output;
    current->attention(AttentionTask{
        .qkv = qkv.const_data_ptr<float>(),
        .qkv_stride = qkv.stride(0),
        .num_rows = num_rows,
        .num_heads = num_heads,
        .num_kv_heads = num_kv_heads,
        .head_dim = head_dim,
        .norm_weight = floats(norm_weight),
        .norm_eps = static_cast<float>(norm_eps),
        .rotation = floats(rotation),
        .rotary_dim = rotation ? rotation->size(1) : 0,
        .positions = longs(positions),
        .slots = longs(slots),
        .keys = static_cast<float*>(keys.mutable_data_ptr()),
        .values = static_cast<float*>(values.mutable_data_ptr()),
        .stored_size = holds_bytes ? keys.size(3) / 4 : head_dim,
        .block_size = keys.size(1),
        .block_tables = ints(block_tables),
        .max_blocks = block_tables.size(1),
        .query_starts = ints(query_starts),
        .context_lens = ints(context_lens),
        .num_seqs = num_seqs,
        .scale = static_cast<float>(scale),
        .window = window,
        .softcap = static_cast<float>(softcap),
        .output = output.mutable_data_ptr<float>(),
    });
    return output;
}

Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps, const OptionalTensor& residual) {
    TORCH_CHECK(x.dim() == 2 && weight.dim() == 1 && weight.size(0) == x.size(1),
                "x is [rows, size] and weight [size]");
    TORCH_CHECK(!residual || residual->sizes() == x.sizes(), "residual is shaped as x");
    Tensor y = at::empty(x.sizes(), x.options());
    current->rms_norm(NormTask{floats(x), x.size(0), x.size(1), floats(weight),
                               static_cast<float>(eps), floats(residual),
                               y.mutable_data_ptr<float>()});
    return y;
}

Tensor take_rows(const Tensor& x, const Tensor& rows) {
    TORCH_CHECK(x.dim() == 2 && x.is_contiguous() &&
                    (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16),
                "x is [rows, size] fp32 or bf16, contiguous");
    TORCH_CHECK(rows.dim() == 1 && rows.scalar_type() == at::kLong && rows.is_contiguous(),
                "rows are [n] int64");
    Tensor y = at::empty({rows.size(0), x.size(1)}, x.options().dtype(at::kFloat));
    float* to = y.mutable_data_ptr<float>();
    const int64_t size = x.size(1);
    const int64_t* row = rows.const_data_ptr<int64_t>();
    for (int64_t i = 0; i < rows.size(0); i++, to += size) {
        TORCH_CHECK(row[i] >= 0 && row[i] < x.size(0), "no row ", row[i], " of ", x.size(0));
        if (x.scalar_type() == at::kFloat)
            std::copy_n(x.const_data_ptr<float>() + row[i] * size, size, to);
        else
            std::copy_n(x.const_data_ptr<at::BFloat16>() + row[i] * size, size, to);
    }
    return y;
}

LogitsTask logits_task(const Tensor& logits, at::IntArrayRef rows) {
    TORCH_CHECK(logits.dim() == 2 && logits.scalar_type() == at::kFloat && logits.stride(1) == 1 &&
                    logits.size(1) > 0,
                "logits are [rows, vocab_size] fp32 with adjacent columns");
    for (int64_t row : rows)
        TORCH_CHECK(row >= 0 && row < logits.size(0), "no row ", row, " of ", logits.size(0));
    return LogitsTask{.logits = logits.const_data_ptr<float>(),
                      .stride = logits.stride(0),
                      .vocab_size = logits.size(1),
                      .rows = rows.data(),
                      .num_rows = static_cast<int64_t>(rows.size())};
}

Tensor argmax(const Tensor& logits) {
    std::vector<int64_t> rows(logits.size(0));
    std::iota(rows.begin(), rows.end(), 0);
    LogitsTask task = logits_task(logits, rows);
    Tensor ids = at::empty({task.num_rows}, logits.options().dtype(at::kLong));
    task.ids = ids.mutable_data_ptr<int64_t>();
    current->argmax(task);
    return ids;
}

std::vector<float> temperatures_of(at::ArrayRef<double> temperatures, const LogitsTask& task) {
    TORCH_CHECK(static_cast<int64_t>(temperatures.size()) == task.num_rows, "a temperature per row");
    return {temperatures.begin(), temperatures.end()};
}

std::tuple<Tensor, Tensor, Tensor> top_k(const Tensor& logits, at::IntArrayRef rows,
                                         at::ArrayRef<double> temperatures, int64_t k) {
    LogitsTask task = logits_task(logits, rows);
    TORCH_CHECK(k > 0 && k <= task.vocab_size, "k is 1 to ", task.vocab_size, ", not ", k);
    const std::vector<float> divisors = temperatures_of(temperatures, task);
    Tensor values = at::empty({task.num_rows, k}, logits.options());
    Tensor ids = at::empty({task.num_rows, k}, logits.options().dtype(at::kLong));
    Tensor log_sums = at::empty({task.num_rows}, logits.options());
    task.temperatures = divisors.data();
    task.k = k;
    task.values = log_sums.mutable_data_ptr<float>();
    task.largest = values.mutable_data_ptr<float>();
    task.ids = ids.mutable_data_ptr<int64_t>();
    current->top_k(task);
    return {values, ids, log_sums};
}

Tensor draw(const Tensor& logits, at::IntArrayRef rows, at::ArrayRef<double> temperatures,
            at::ArrayRef<double> uniforms) {
    LogitsTask task = logits_task(logits, rows);
    TORCH_CHECK(uniforms.size() == rows.size(), "a uniform per row");
    const std::vector<float> divisors = temperatures_of(temperatures, task);
    std::vector<float> maxima(rows.size());
    Tensor ids = at::empty({task.num_rows}, logits.options().dtype(at::kLong));
    task.temperatures = divisors.data();
    task.uniforms = uniforms.data();
    task.values = maxima.data();
    task.ids = ids.mutable_data_ptr<int64_t>();
    current->draw(task);
    return ids;
}

void mask_logits(const Tensor& logits, const Tensor& bits, at::IntArrayRef rows) {
    const LogitsTask checked = logits_task(logits, rows);
    TORCH_CHECK(bits.dim() == 2 && bits.size(0) == checked.num_rows &&
                    bits.size(1) * 32 >= checked.vocab_size,
                "bits are [rows, words of 32 ids], and as many as the vocabulary");
    if (rows.empty()) return;
    current->mask(MaskTask{.logits = logits.mutable_data_ptr<float>(),
                           .stride = checked.stride,
                           .vocab_size = checked.vocab_size,
                           .bits = ints(bits),
                           .words = bits.size(1),
                           .rows = checked.rows,
                           .num_rows = checked.num_rows});
}

}  // namespace

TORCH_LIBRARY(kamado, library) {
    library.class_<Tape>("Tape")
        .def(torch::init<>())
        .def("begin", &Tape::begin)
        .def("end", &Tape::end)
        .def("replay", &Tape::replay)
        .def("num_calls", &Tape::num_calls);
    library.def("instruction_set() -> str", instruction_set);
    library.def("use_instruction_set(str name) -> ()", use_instruction_set);
    library.def(
        "linear(Tensor x, Tensor words, Tensor? scale, Tensor? shift, Tensor? bias, "
        "Tensor? residual, Tensor? norm_weight, float norm_eps, int format, int activation, "
        "int out_features, int max_direct_rows, bool quantizes_inputs=False) -> Tensor");
    library.def("multiplies_bytes() -> bool", multiplies_bytes);
    library.def("advise_huge_pages(Tensor memory) -> ()");
    library.def(
        "paged_attention(Tensor qkv, Tensor? norm_weight, float norm_eps, Tensor? rotation, "
        "Tensor positions, Tensor slots, Tensor(a!) keys, Tensor(b!) values, Tensor block_tables, "
        "Tensor query_starts, Tensor context_lens, float scale, int window, float softcap) "
        "-> Tensor");
    library.def("rms_norm(Tensor x, Tensor weight, float eps, Tensor? residual) -> Tensor");
    library.def("take_rows(Tensor x, Tensor rows) -> Tensor");
    library.def("argmax(Tensor logits) -> Tensor");
    library.def(
        "top_k(Tensor logits, int[] rows, float[] temperatures, int k) -> (Tensor, Tensor, Tensor)");
    library.def(
        "draw(Tensor logits, int[] rows, float[] temperatures, float[] uniforms) -> Tensor");
    library.def("mask_logits(Tensor(a!) logits, Tensor bits, int[] rows) -> ()");
}

TORCH_LIBRARY_IMPL(kamado, CPU, library) {
    library.impl("advise_huge_pages", advise_huge_pages);
    library.impl("linear", Recorded<linear>::call);
    library.impl("paged_attention", Recorded<paged_attention>::call);
    library.impl("rms_norm", Recorded<rms_norm>::call);
    library.impl("take_rows", Recorded<take_rows>::call);
    library.impl("argmax", argmax);
    library.impl("top_k", top_k);
    library.impl("draw", draw);
    library.impl("mask_logits", mask_logits);
}

}  // namespace kamado
