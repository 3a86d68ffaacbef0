#include "mounts/options.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "sys/mount_api.hpp"

namespace arca::mounts {

namespace {

using enum Effect;

// Attributes that have a plain form, its opposite, and the recursive forms of both ("r" before the name).
struct Attribute {
    std::string_view set_name;
    std::string_view clear_name;
    std::string_view recursive_set_name;
    std::string_view recursive_clear_name;
    std::uint64_t bit;
};
constexpr Attribute kAttributes[] = {
    {"ro", "rw", "rro", "rrw", MOUNT_ATTR_RDONLY},
    {"nosuid", "suid", "rnosuid", "rsuid", MOUNT_ATTR_NOSUID},
    {"nodev", "dev", "rnodev", "rdev", MOUNT_ATTR_NODEV},
    {"noexec", "exec", "rnoexec", "rexec", MOUNT_ATTR_NOEXEC},
    {"nodiratime", "diratime", "rnodiratime", "rdiratime", MOUNT_ATTR_NODIRATIME},
    {"nosymfollow", "symfollow", "rnosymfollow", "rsymfollow", MOUNT_ATTR_NOSYMFOLLOW},
};
// The access time policy is one of three values, not bits: mount_setattr(2) wants the whole field cleared.
constexpr Attribute kAtimes[] = {
    {"noatime", "atime", "rnoatime", "ratime", MOUNT_ATTR_NOATIME},
    {"strictatime", "nostrictatime", "rstrictatime", "rnostrictatime", MOUNT_ATTR_STRICTATIME},
    {"relatime", "norelatime", "rrelatime", "rnorelatime", MOUNT_ATTR_RELATIME},
};

constexpr Option kOthers[] = {
    {"defaults", Nothing},
    {"bind", Bind},
    {"rbind", RecursiveBind},
    {"remount", Remount},
    {"tmpcopyup", CopyUp},
    {"copy-symlink", CopySymlink},
    {"idmap", IdMap},
    {"ridmap", RecursiveIdMap},
    {"sync", Superblock, MS_SYNCHRONOUS},
    {"async", ClearSuperblock, MS_SYNCHRONOUS},
    {"dirsync", Superblock, MS_DIRSYNC},
    {"mand", Superblock, MS_MANDLOCK},
    {"nomand", ClearSuperblock, MS_MANDLOCK},
    {"lazytime", Superblock, MS_LAZYTIME},
    {"nolazytime", ClearSuperblock, MS_LAZYTIME},
    {"iversion", Superblock, MS_I_VERSION},
    {"noiversion", ClearSuperblock, MS_I_VERSION},
    {"silent", Superblock, MS_SILENT},
    {"loud", ClearSuperblock, MS_SILENT},
    {"private", Propagation, MS_PRIVATE},
    {"rprivate", Propagation, MS_PRIVATE | MS_REC},
    {"shared", Propagation, MS_SHARED},
    {"rshared", Propagation, MS_SHARED | MS_REC},
    {"slave", Propagation, MS_SLAVE},
    {"rslave", Propagation, MS_SLAVE | MS_REC},
    {"unbindable", Propagation, MS_UNBINDABLE},
    {"runbindable", Propagation, MS_UNBINDABLE | MS_REC},
};

std::vector<Option> build_table() {
    std::vector<Option> table(std::begin(kOthers), std::end(kOthers));
    for (const auto& attribute : kAttributes) {
        table.push_back({attribute.set_name, Set, attribute.bit});
        table.push_back({attribute.clear_name, Clear, attribute.bit});
        table.push_back({attribute.recursive_set_name, SetRecursive, attribute.bit});
        table.push_back({attribute.recursive_clear_name, ClearRecursive, attribute.bit});
    }
    for (const auto& atime : kAtimes) {
        table.push_back({atime.set_name, SetAtime, atime.bit});
        table.push_back({atime.clear_name, ClearAtime, atime.bit});
        table.push_back({atime.recursive_set_name, SetAtimeRecursive, atime.bit});
        table.push_back({atime.recursive_clear_name, ClearAtimeRecursive, atime.bit});
    }
    std::sort(table.begin(), table.end(), [](const Option& a, const Option& b) { return a.name < b.name; });
    return table;
}

void set_bits(std::uint64_t bits, std::uint64_t& set, std::uint64_t& clear) {
    set |= bits;
    clear &= ~bits;
}

// "atime" undoes an earlier "noatime" and no more, as in mount(8); what is then left is the default, relatime (0).
void clear_atime(std::uint64_t policy, std::uint64_t& set, std::uint64_t& clear) {
    if ((set & MOUNT_ATTR__ATIME) == policy) set &= ~std::uint64_t{MOUNT_ATTR__ATIME};
    clear |= MOUNT_ATTR__ATIME;
}

void set_atime(std::uint64_t policy, std::uint64_t& set, std::uint64_t& clear) {
    set = (set & ~std::uint64_t{MOUNT_ATTR__ATIME}) | policy;
    clear |= MOUNT_ATTR__ATIME;
}

void apply_attribute(const Option& option, MountStep& step) {
    switch (option.effect) {
        case Set:
            return set_bits(option.value, step.attributes_set, step.attributes_clear);
        case Clear:
            return set_bits(option.value, step.attributes_clear, step.attributes_set);
        case SetAtime:
            return set_atime(option.value, step.attributes_set, step.attributes_clear);
        case ClearAtime:
            return clear_atime(option.value, step.attributes_set, step.attributes_clear);
        case SetRecursive:
            return set_bits(option.value, step.recursive_set, step.recursive_clear);
        case ClearRecursive:
            return set_bits(option.value, step.recursive_clear, step.recursive_set);
        case SetAtimeRecursive:
            return set_atime(option.value, step.recursive_set, step.recursive_clear);
        case ClearAtimeRecursive:
            return clear_atime(option.value, step.recursive_set, step.recursive_clear);
        default:
            return;
    }
}

std::vector<std::string> names(std::uint64_t attributes, std::string_view Attribute::*which) {
    std::vector<std::string> out;
    for (const auto& attribute : kAttributes)
        if ((attributes & attribute.bit) != 0) out.emplace_back(attribute.*which);
    return out;
}

}  // namespace

const std::vector<Option>& option_table() {
    static const std::vector<Option> table = build_table();
    return table;
}

const Option* find_option(std::string_view name) {
    const auto& table = option_table();
    auto found = std::lower_bound(table.begin(), table.end(), name,
                                  [](const Option& option, std::string_view wanted) { return option.name < wanted; });
    return found != table.end() && found->name == name ? &*found : nullptr;
}

void apply(const Option& option, MountStep& step) {
    switch (option.effect) {
        case Superblock:
            step.superblock_flags |= option.value;
            break;
        case ClearSuperblock:
            step.superblock_flags &= ~option.value;
            break;
        case Propagation:
            step.propagation.push_back(option.value);
            break;
        case Bind:
        case RecursiveBind:
            step.kind = MountStep::Kind::Bind;
            step.recursive_bind |= option.effect == RecursiveBind;
            break;
        case Remount:
            step.remount = true;
            break;
        case CopyUp:
            step.copy_up = true;
            break;
        case CopySymlink:
            step.copy_symlink = true;
            break;
        case IdMap:
        case RecursiveIdMap:
            step.id_mapped = true;
            step.id_mapped_recursive |= option.effect == RecursiveIdMap;
            break;
        default:
            apply_attribute(option, step);
    }
}

std::string nearest_option(std::string_view name) {
    constexpr std::size_t kNear = 2;
    std::string nearest;
    std::size_t best = kNear + 1;
    for (const auto& option : option_table()) {
        const auto distance = text::edit_distance(name, option.name);
        if (distance >= best || distance >= name.size()) continue;
        best = distance;
        nearest = option.name;
    }
    return nearest;
}

std::vector<std::string> names_of_set(std::uint64_t attributes) {
    auto out = names(attributes, &Attribute::set_name);
    for (const auto& atime : kAtimes)
        if (atime.bit != 0 && (attributes & MOUNT_ATTR__ATIME) == atime.bit) out.emplace_back(atime.set_name);
    return out;
}

std::vector<std::string> names_of_cleared(std::uint64_t attributes) {
    return names(attributes, &Attribute::clear_name);
}

std::string name_of_propagation(std::uint64_t flags) {
    for (const auto& option : kOthers)
        if (option.effect == Propagation && option.value == flags) return std::string(option.name);
    return "?";
}

}  // namespace arca::mounts
