// The mount options of the specification (config.md#linux-mount-options) and what each does to a MountStep. Knows
// words, no system calls.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mounts/plan.hpp"

namespace arca::mounts {

enum class Effect : std::uint8_t {
    Nothing,
    Set,    ///< a MOUNT_ATTR_* of the mount itself
    Clear,  ///< the opposite, asked for explicitly
    SetAtime,
    ClearAtime,
    SetRecursive,
    ClearRecursive,
    SetAtimeRecursive,
    ClearAtimeRecursive,
    Superblock,
    ClearSuperblock,
    Propagation,
    Bind,
    RecursiveBind,
    Remount,
    CopyUp,
    CopySymlink,
    IdMap,
    RecursiveIdMap,
};

struct Option {
    std::string_view name;
    Effect effect;
    std::uint64_t value = 0;
};

const std::vector<Option>& option_table();
/// Null when the word is in no table: data of the file system, perhaps.
const Option* find_option(std::string_view name);
void apply(const Option& option, MountStep& step);

/// The known option that looks most like `name`, if one is near.
std::string nearest_option(std::string_view name);
/// "ro,nosuid" of MOUNT_ATTR_* bits; for the cleared ones "rw,suid".
std::vector<std::string> names_of_set(std::uint64_t attributes);
std::vector<std::string> names_of_cleared(std::uint64_t attributes);
/// "rslave" of MS_SLAVE | MS_REC.
std::string name_of_propagation(std::uint64_t flags);

}  // namespace arca::mounts
