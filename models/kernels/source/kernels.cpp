// All kernels for one instruction set: compiled once for each, with KAMADO_TARGET naming it.
#include "attention.h"
#include "kernels.h"
#include "linear.h"
#include "logits.h"
#include "mask.h"
#include "quantized_linear.h"

#define KAMADO_STRING(x) KAMADO_STRING_(x)
#define KAMADO_STRING_(x) #x
#define KAMADO_JOIN(a, b) KAMADO_JOIN_(a, b)
#define KAMADO_JOIN_(a, b) a##b

const kamado::KernelTable& kamado::KAMADO_JOIN(kernels_, KAMADO_TARGET)() {
    static const KernelTable table{KAMADO_STRING(KAMADO_TARGET),
                                   KAMADO_TARGET::kMultipliesBytes,
                                   KAMADO_TARGET::linear,
                                   KAMADO_TARGET::attention,
                                   KAMADO_TARGET::rms_norm,
                                   KAMADO_TARGET::argmax,
                                   KAMADO_TARGET::top_k,
                                   KAMADO_TARGET::draw,
                                   KAMADO_TARGET::mask};
    return table;
}
