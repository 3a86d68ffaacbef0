// Files and directories of the tests.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace integration {

/// A directory that is removed with all its contents, mounts below it included.
class TemporaryDirectory {
  public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

  private:
    std::filesystem::path path_;
};

/// Whole content; empty when the file cannot be read.
std::string read_file(const std::filesystem::path& path);
std::vector<std::string> lines(const std::string& text);
void write_file(const std::filesystem::path& path, const std::string& content, int mode = 0644);
bool contains(const std::string& text, const std::string& part);

/// Polls until the predicate holds; false after `seconds`.
bool eventually(const std::function<bool()>& predicate, double seconds = 10);

}  // namespace integration
