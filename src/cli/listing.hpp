// Containers and processes as JSON and as tables, in the forms that engines and scripts read. Pure.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "arca/container.hpp"

namespace arca::cli {

/// Indented by two, without a final newline, as runc prints it.
std::string state_json(const State& state);
std::string list_json(const std::vector<State>& states, std::string_view banner);
std::string list_table(const std::vector<State>& states, std::string_view banner);
/// One sentence a line, for people.
std::string explanation_text(const Explanation& why);
std::string explanation_json(const Explanation& why);
/// For a person at a terminal: ages in place of dates, the status in colour unless `colours` says otherwise.
enum class Colours : std::uint8_t { Without, With };
std::string list_for_people(const std::vector<State>& states, std::time_t now, Colours colours);
/// "3 minutes" since an RFC 3339 time in UTC; the text itself when it is none.
std::string age(std::string_view created, std::time_t now);
std::string pids_json(const std::vector<int>& pids);
/// An object whose member `mounts` is what the next call of `mounts add` could be given.
std::string mounts_json(const std::vector<HotMount>& mounts);
std::string pids_table(const std::vector<int>& pids);
/// The header of ps(1)'s output, and those of its lines whose column PID holds one of `pids`.
Result<std::string> filter_ps(std::string_view ps_output, const std::vector<int>& pids);

}  // namespace arca::cli
