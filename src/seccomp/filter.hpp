// One libseccomp filter: its architecture, its rules, and the instructions made of them. Asked where only libseccomp
// knows what rules mean: those of one call that contradict each other, and architectures whose calls share a number.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "seccomp/rules.hpp"
#include "spec/types.hpp"

namespace arca::seccomp {

class Filter {
  public:
    /// `profile` is only looked at for the texts of errors.
    static Result<Filter> build(const spec::Seccomp& profile, std::uint32_t default_action, std::uint32_t token,
                                const std::vector<Rule>& rules);
    Result<std::vector<std::uint64_t>> generate() const;

  private:
    struct Release {
        void operator()(void* context) const;
    };
    explicit Filter(scmp_filter_ctx context) : context_(context) {}
    Result<> set_architecture(std::uint32_t token) const;
    Result<> add_rule(const Rule& rule, const spec::Seccomp& profile) const;

    std::unique_ptr<void, Release> context_;
};

}  // namespace arca::seccomp
