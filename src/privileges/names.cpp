// The only file that includes libcap, and all that libcap is used for: names.
#include <sys/capability.h>

#include <memory>

#include "base/text.hpp"
#include "privileges/capabilities.hpp"

namespace arca::privileges {

namespace {
std::string libcap_name(int bit) {
    struct Free {
        void operator()(char* text) const { ::cap_free(text); }
    };
    const std::unique_ptr<char, Free> name(::cap_to_name(bit));
    return name ? std::string(name.get()) : std::string();
}

std::string upper(std::string name) {
    for (char& letter : name)
        if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
    return name;
}
}  // namespace

int capability_bit(std::string_view name) {
    std::string full = text::lower(name);
    if (!full.starts_with("cap_")) full.insert(0, "cap_");
    cap_value_t bit = -1;
    // libcap reads a name up to the first character that cannot be part of one ("cap_kill,cap_chown"); take all or
    // none.
    return ::cap_from_name(full.c_str(), &bit) == 0 && libcap_name(bit) == full ? bit : -1;
}

std::string capability_name(int bit) {
    const auto name = libcap_name(bit);
    // libcap gives the number of what it cannot name.
    return name.starts_with("cap_") ? upper(name) : text::cat("capability ", bit);
}

std::vector<std::string> capability_names() {
    std::vector<std::string> names;
    for (int bit = 0;; ++bit) {
        auto name = libcap_name(bit);
        if (!name.starts_with("cap_")) return names;
        names.push_back(upper(std::move(name)));
    }
}

}  // namespace arca::privileges
