#include "container/users.hpp"

#include "base/text.hpp"
#include "sys/syscalls.hpp"

namespace arca::container {

std::string user_name(std::uint32_t uid) {
    if (uid == 0) return "root";
    auto passwd = sys::read_file("/etc/passwd");
    if (passwd)
        for (auto line : text::split(*passwd, '\n')) {
            auto fields = text::split(line, ':');
            if (fields.size() > 2 && text::to_uint(fields[2]) == uid) return std::string(fields[0]);
        }
    return text::cat(uid);
}

}  // namespace arca::container
