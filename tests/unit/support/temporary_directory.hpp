// A directory that is removed with everything in it.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace arca::test {

class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string pattern = std::filesystem::temp_directory_path() / "arca-test-XXXXXX";
        path_ = ::mkdtemp(pattern.data());
        ::chmod(path_.c_str(), 0755);  // other users are tried on what is in it
    }
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    const std::string& path() const { return path_; }
    std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
    /// Makes or replaces a file; its absolute path.
    std::string file(std::string_view name, std::string_view content, mode_t mode = 0644) const {
        const auto where = *this / name;
        std::filesystem::create_directories(std::filesystem::path(where).parent_path());
        std::ofstream(where, std::ios::binary) << content;
        ::chmod(where.c_str(), mode);
        return where;
    }

  private:
    std::string path_;
};

}  // namespace arca::test
