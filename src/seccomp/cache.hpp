// Compiled programs kept in a directory: asking libseccomp for the numbers of a thousand names costs a cold process
// 0.9 ms, reading what came of it 0.1 ms. An entry is found by a hash but believed only if it repeats, byte for byte,
// everything the program was made from: two profiles never share one, whatever their hashes. A damaged, foreign or
// missing entry only costs the time to compile.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "seccomp/program.hpp"
#include "spec/types.hpp"
#include "sys/fd.hpp"

namespace arca::seccomp {

/// compile(), or what it said the last time for the same profile, notes included. `cache_directory` may be invalid, or
/// not writable: then nothing is kept. Entries are files of mode 0600, the 64 newest of which stay.
Result<Program> compile_cached(const spec::Seccomp& profile, sys::FdRef cache_directory,
                               std::vector<spec::Note>& notes);

constexpr std::size_t kMaximalCacheEntries = 64;

// ---- the form of an entry, for tests --------------------------------------------------------------------------------

/// Everything that a compilation depends on: all of the profile, native architecture, versions of libseccomp and arca,
/// release of the kernel.
std::string cache_key(const spec::Seccomp& profile);
std::string cache_file_name(std::string_view key);

struct CacheEntry {
    Program program;
    std::vector<spec::Note> notes;
};
std::string encode_entry(std::string_view key, const CacheEntry& entry);
/// Fails unless the entry is intact and for this key.
Result<CacheEntry> decode_entry(std::string_view bytes, std::string_view key);

}  // namespace arca::seccomp
