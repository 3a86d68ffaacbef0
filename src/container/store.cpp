#include "container/store.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "sys/syscalls.hpp"

namespace arca::container {

namespace {
constexpr auto kStateFile = "state.json";
constexpr std::size_t kMaximalId = 1024;
constexpr mode_t kPrivate = 0700;

// A wrong --root is the usual cause: name it.
Error not_found(std::string_view id, std::string_view root) {
    return Error(Code::ContainerNotFound, text::cat("container does not exist: there is no ", id, " below ", root));
}

Result<> lock(sys::FdRef directory) {
    int result;
    do
        result = ::flock(directory.number(), LOCK_EX);
    while (result < 0 && errno == EINTR);
    if (result < 0) return sys::last_error("flock");
    return {};
}

Result<sys::Fd> open_and_lock(sys::FdRef root, const std::string& id) {
    auto directory = TRY(sys::openat(root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY(lock(directory));
    return directory;
}

using Directory = std::unique_ptr<DIR, decltype([](DIR* d) { ::closedir(d); })>;

Result<std::vector<std::string>> entries(sys::FdRef directory) {
    auto copy = TRY(sys::openat(directory, ".", O_RDONLY | O_DIRECTORY));
    Directory stream(::fdopendir(copy.number()));
    if (!stream) return sys::last_error("fdopendir");
    (void)copy.release();  // the stream owns it now
    std::vector<std::string> names;
    while (auto* entry = ::readdir(stream.get())) {
        std::string name = entry->d_name;
        if (name != "." && name != "..") names.push_back(std::move(name));
    }
    return names;
}

constexpr auto kOwnRootAdvice = "without privileges, XDG_RUNTIME_DIR or --root names a directory of one's own";

// mkdir -p of the state root. The sticky bit below XDG_RUNTIME_DIR keeps cleaners of old files away from it.
Result<sys::Fd> make_root(const std::string& root) {
    auto opened = sys::open(root, O_RDONLY | O_DIRECTORY);
    if (opened) return opened;
    if (opened.error().errnum() != ENOENT)
        return fail(std::move(opened.error()).with("the state directory").hinting(kOwnRootAdvice));
    for (std::size_t slash = root.find('/', 1);; slash = root.find('/', slash + 1)) {
        auto made = sys::mkdirat(sys::FdRef::working_directory(), root.substr(0, slash), kPrivate | S_ISVTX);
        if (!made && made.error().errnum() != EEXIST)
            return fail(std::move(made.error()).with("making the state directory").hinting(kOwnRootAdvice));
        if (slash == std::string::npos) break;
    }
    return sys::open(root, O_RDONLY | O_DIRECTORY);
}

Result<> remove_tree(sys::FdRef parent, const std::string& name) {
    auto removed = sys::unlinkat(parent, name, 0);
    if (removed || removed.error().errnum() == ENOENT) return {};
    if (removed.error().errnum() != EISDIR) return removed;
    auto directory = TRY(sys::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    for (const auto& entry : TRY(entries(directory)))
        TRY(remove_tree(directory, entry));
    auto gone = sys::unlinkat(parent, name, AT_REMOVEDIR);
    if (!gone && gone.error().errnum() != ENOENT) return gone;
    return {};
}
}  // namespace

Result<> check_id(std::string_view id) {
    const bool legal = std::ranges::all_of(id, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '+' ||
               c == '-' || c == '.';
    });
    if (id.empty() || id == "." || id == ".." || !legal || id.size() > kMaximalId)
        return fail(Code::Usage, text::cat("invalid container ID format: \"", text::printable(id.substr(0, 64)),
                                           "\": letters, digits and _ + - . are allowed"));
    return {};
}

Result<Store> Store::create(const std::string& root, const std::string& id) {
    TRY(check_id(id));
    auto root_directory = TRY(make_root(root));
    auto made = sys::mkdirat(root_directory, id, kPrivate);
    if (!made) {
        if (made.error().errnum() != EEXIST)
            return fail(std::move(made.error()).with(text::cat("reserving the id below ", root)));
        return fail(Code::ContainerExists, text::cat("container with given ID already exists: ", id));
    }
    auto directory = open_and_lock(root_directory, id);
    if (!directory) {
        (void)sys::unlinkat(root_directory, id, AT_REMOVEDIR);  // else the id would be taken, by nobody
        return fail(std::move(directory.error()));
    }
    return Store(root, id, std::move(*directory));
}

Result<Store> Store::open(const std::string& root, const std::string& id, Access access) {
    TRY(check_id(id));
    auto directory = sys::open(text::cat(root, "/", id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!directory) {
        if (directory.error().errnum() == ENOENT) return fail(not_found(id, root));
        return fail(std::move(directory.error()));
    }
    if (access == Access::Exclusive) {
        TRY(lock(*directory));
        // Whoever held the lock may have removed the directory.
        if (TRY(sys::fstat(*directory)).st_nlink == 0) return fail(not_found(id, root));
    }
    return Store(root, id, std::move(*directory));
}

Result<std::vector<std::string>> Store::ids(const std::string& root) {
    auto directory = sys::open(root, O_RDONLY | O_DIRECTORY);
    if (!directory) {
        if (directory.error().errnum() == ENOENT) return std::vector<std::string>{};
        return fail(std::move(directory.error()));
    }
    auto names = TRY(entries(*directory));
    std::erase_if(names, [](const std::string& name) { return name.starts_with('.') || !check_id(name); });
    std::ranges::sort(names);
    return names;
}

Result<Record> Store::read() const {
    auto text = sys::read_file_at(directory_, kStateFile);
    if (!text) {
        if (text.error().errnum() != ENOENT) return fail(std::move(text.error()));
        // Nothing but the directory: a create that was killed before its first write, or one that has just begun.
        Record record;
        record.id = id_;
        record.status = Status::Creating;
        return record;
    }
    return parse_record(*text);
}

Result<> Store::write(const Record& record) const {
    return sys::replace_file_at(directory_, kStateFile, to_json(record), 0600);
}

Result<std::string> Store::read_file(const std::string& name) const {
    return sys::read_file_at(directory_, name);
}

Result<> Store::write_file(const std::string& name, std::string_view data) const {
    return sys::replace_file_at(directory_, name, data, 0600);
}

Result<> Store::remove() {
    constexpr auto kFrame = "removing the state directory";
    auto root = sys::open(root_, O_RDONLY | O_DIRECTORY);
    if (!root && root.error().errnum() == ENOENT) return {};
    TRY_CTX(remove_tree(TRY_CTX(std::move(root), kFrame), id_), kFrame);
    return {};
}

bool Store::try_lock() {
    return ::flock(directory_.number(), LOCK_EX | LOCK_NB) == 0;
}

void Store::unlock() {
    if (::flock(directory_.number(), LOCK_UN) == 0) return;
    // The lock goes with the last descriptor of what it was taken by. Else whoever wants it, we for instance, would
    // wait for ever.
    if (auto again = sys::openat(directory_, ".", O_RDONLY | O_DIRECTORY)) directory_ = std::move(*again);
}

}  // namespace arca::container
