// The state directory of one container, <root>/<id>: made exclusively, locked, its files replaced atomically, removed
// as a whole. Knows files, not containers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "container/record.hpp"
#include "sys/fd.hpp"

namespace arca::container {

/// [A-Za-z0-9_+.-]+, not "." or "..", at most 1024 bytes: it becomes a file name and a part of a cgroup path.
Result<> check_id(std::string_view id);

class Store {
  public:
    /// Makes the directory (ContainerExists when it is there) and locks it.
    static Result<Store> create(const std::string& root, const std::string& id);
    /// Exclusive waits for whoever works on the container; Unlocked only reads.
    enum class Access : std::uint8_t { Unlocked, Exclusive };
    static Result<Store> open(const std::string& root, const std::string& id, Access access);
    /// Ids below `root`, sorted. A missing root is an empty list.
    static Result<std::vector<std::string>> ids(const std::string& root);

    const std::string& id() const { return id_; }
    sys::FdRef directory() const { return directory_; }

    Result<Record> read() const;
    Result<> write(const Record& record) const;
    Result<std::string> read_file(const std::string& name) const;
    Result<> write_file(const std::string& name, std::string_view data) const;
    /// Removes the directory and all it holds; gone already is success.
    Result<> remove();
    /// False when somebody else holds it.
    bool try_lock();
    void unlock();

  private:
    Store(std::string root, std::string id, sys::Fd directory)
        : root_(std::move(root)), id_(std::move(id)), directory_(std::move(directory)) {}
    std::string root_;
    std::string id_;
    sys::Fd directory_;
};

}  // namespace arca::container
