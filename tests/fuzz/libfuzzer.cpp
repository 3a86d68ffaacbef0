// The same targets for libFuzzer; the environment's FUZZ_TARGET says which. The compiler is g++, which knows
// -fsanitize-coverage=trace-pc, a call at every branch, where libFuzzer wants a counter for each: one of these many, by
// the address, is as good. (clang 14 does not compile the std::expected of libstdc++.)
#include <cstdint>
#include <cstring>

#include "target.hpp"

extern "C" {
void __sanitizer_cov_8bit_counters_init(std::uint8_t* start, std::uint8_t* stop);
void __sanitizer_cov_trace_pc();
void __sanitizer_cov_trace_cmpf(float, float);
void __sanitizer_cov_trace_cmpd(double, double);
int LLVMFuzzerInitialize(int* argc, char*** argv);
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
}

namespace {
constexpr std::size_t kCounters = 1U << 16U;
alignas(4096) std::uint8_t counters[kCounters];
const fuzz::Target* target = nullptr;
}  // namespace

__attribute__((no_sanitize_coverage)) void __sanitizer_cov_trace_pc() {
    const auto address = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
    ++counters[(address ^ (address >> 16U)) % kCounters];
}

// Comparisons that g++ tells of and libFuzzer does not ask for.
void __sanitizer_cov_trace_cmpf(float, float) {}
void __sanitizer_cov_trace_cmpd(double, double) {}

int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
    __sanitizer_cov_8bit_counters_init(counters, counters + kCounters);
    const char* wanted = std::getenv("FUZZ_TARGET");
    for (const auto* known : fuzz::Target::all())
        if (wanted != nullptr && known->name == wanted) target = known;
    fuzz::require(target != nullptr, "FUZZ_TARGET names a target");
    return 0;
}

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    target->run(std::string_view(reinterpret_cast<const char*>(data), size));
    return 0;
}
