// Classic BPF for the system calls of one architecture: a search among ranges of numbers, then the arguments. The
// kernel runs every call through it, and at load follows it for each number there is (seccomp_cache_prepare,
// Linux 5.11), so that what counts is how many steps a call takes: a tree takes eight where a list takes three hundred.
// Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "seccomp/calls.hpp"

namespace arca::seccomp {

using Instructions = std::vector<std::uint64_t>;  ///< struct sock_filter, eight bytes each

enum class ByteOrder : std::uint8_t { Little, Big };

/// Where the kernel has the halves of an argument, and which of them count.
struct Arguments {
    Width width = Width::Bits64;
    ByteOrder order = ByteOrder::Little;
};

Instructions return_action(std::uint32_t action);

/// Tries the alternatives of a call; where none holds, `otherwise`.
Instructions answer(const std::vector<Alternative>& alternatives, std::uint32_t otherwise, Arguments arguments);

/// What is done from a number on, up to the next range.
struct Range {
    std::uint32_t first = 0;
    Instructions code;  ///< ends every path with a return; the accumulator may hold anything
};

/// `ranges` by number, the first from 0 on.
Instructions search(std::vector<Range> ranges);

}  // namespace arca::seccomp
