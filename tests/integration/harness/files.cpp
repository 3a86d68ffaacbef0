#include "files.hpp"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace integration {

namespace {
/// Unmounts what a failed test left below the directory, so that removing it cannot reach through a bind mount.
void detach_mounts_below(const std::string& directory) {
    std::vector<std::string> points;
    for (const auto& line : lines(read_file("/proc/self/mountinfo"))) {
        std::istringstream fields(line);
        std::string field;
        for (int i = 0; i < 5; ++i)
            fields >> field;
        if (field.starts_with(directory + "/") || field == directory) points.push_back(field);
    }
    std::reverse(points.begin(), points.end());
    for (const auto& point : points)
        umount2(point.c_str(), MNT_DETACH);
}
}  // namespace

TemporaryDirectory::TemporaryDirectory() {
    const char* base = std::getenv("TMPDIR");
    std::string pattern = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/arca-it-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
    // User namespaces of tests must reach their root filesystem with other ids than ours.
    chmod(pattern.c_str(), 0755);
    path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
    detach_mounts_below(path_.string());
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
}

std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> list;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        list.push_back(line);
    return list;
}

void write_file(const std::filesystem::path& path, const std::string& content, int mode) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
    chmod(path.c_str(), static_cast<mode_t>(mode));
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

bool eventually(const std::function<bool()>& predicate, double seconds) {
    for (int left = static_cast<int>(seconds * 200); left > 0; --left) {
        if (predicate()) return true;
        usleep(5000);
    }
    return predicate();
}

}  // namespace integration
