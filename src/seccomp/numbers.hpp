// The numbers that the names of a profile have on one architecture.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "seccomp/stub.hpp"
#include "spec/types.hpp"

namespace arca::seccomp {

class Numbers {
  public:
    /// Asks libseccomp once for each name: it is asked for a thousand in a profile of an engine.
    Numbers(const spec::Seccomp& profile, std::uint32_t token);

    /// As libseccomp has it: negative for what the architecture does not have, or has only as a part of another call;
    /// __NR_SCMP_ERROR for a name that is none.
    int of(std::size_t rule_index, std::size_t name_index) const { return numbers_[first_[rule_index] + name_index]; }
    /// The highest of them.
    NewestKnown newest() const;

  private:
    std::uint32_t token_;
    std::vector<int> numbers_;
    std::vector<std::size_t> first_;  ///< of each rule
};

}  // namespace arca::seccomp
