// What is found while a file is read and checked. Internal to spec.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spec/parse.hpp"

namespace arca::spec {

class Report {
  public:
    void problem(std::string pointer, std::string text);
    void note(std::string pointer, std::string text);

    /// From now on problems are dropped when their place, something around it or something in it could not be read:
    /// "expected a string" needs no "must not be empty" after it.
    void reading_is_done() { unread_ = problems.size(); }
    /// Whether something at or below `pointer` could not be read.
    bool unread(std::string_view pointer) const;

    std::vector<Problem> problems;
    std::vector<Note> notes;

  private:
    std::size_t unread_ = 0;
};

/// A member or element of `base` as a JSON pointer.
std::string pointer_join(std::string_view base, std::string_view key);
std::string pointer_join(std::string_view base, std::size_t index);

/// The candidate closest to `word` when it is close enough to be a slip of the pen, else "".
std::string_view closest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace arca::spec
