#include "seccomp/cache.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "base/text.hpp"
#include "seccomp/encoding.hpp"
#include "seccomp/profile_encoding.hpp"
#include "sys/syscalls.hpp"

namespace arca::seccomp {

namespace {
constexpr std::string_view kMagic = "arca-scc";
/// To be raised when the compiler makes something else of the same profile.
constexpr std::uint32_t kVersion = 3;
constexpr std::size_t kMaximalFile = 4U << 20U;
constexpr std::size_t kNameLength = 16;
/// A writer that died leaves its temporary file; nobody writes for as long as this.
constexpr std::time_t kAbandonedAfter_s = 3600;

std::unexpected<Error> unusable(std::string_view why) {
    return fail(Code::BadState, text::cat("the cached seccomp program cannot be used: ", why));
}

// ---- reading --------------------------------------------------------------------------------------------------------

Result<std::vector<spec::Note>> decode_notes(Reader& reader) {
    std::vector<spec::Note> notes;
    const auto count = reader.u64();
    if (!count) return unusable("it is cut short");
    for (std::uint64_t index = 0; index < *count; ++index) {
        const auto pointer = reader.string(), note = reader.string();
        if (!pointer || !note) return unusable("it is cut short");
        notes.push_back({std::string(*pointer), std::string(*note)});
    }
    return notes;
}

/// A file that somebody else could have written is not believed, even if it is intact.
Result<> verify_is_ours(sys::FdRef file) {
    const auto status = TRY(sys::fstat(file));
    if (!S_ISREG(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return unusable("it is not a file that only this user can write");
    return {};
}

Result<CacheEntry> read_entry(sys::FdRef directory, const std::string& name, std::string_view key) {
    const auto file = TRY(sys::openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    TRY(verify_is_ours(file));
    return decode_entry(TRY(sys::read_all(file, kMaximalFile)), key);
}

// ---- eviction -------------------------------------------------------------------------------------------------------

bool is_entry_name(std::string_view name) {
    return name.size() == kNameLength && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}
bool is_temporary_name(std::string_view name) {
    return name.size() > kNameLength + 1 && name[0] == '.' && is_entry_name(name.substr(1, kNameLength));
}

struct File {
    timespec modified;
    std::string name;
};

/// The entries, and on the way the temporary files of writers that died are removed.
std::vector<File> list_entries(sys::FdRef directory) {
    std::vector<File> entries;
    auto listing = sys::openat(directory, ".", O_RDONLY | O_DIRECTORY);
    if (!listing) return entries;
    struct Close {
        void operator()(DIR* stream) const { ::closedir(stream); }
    };
    const std::unique_ptr<DIR, Close> stream(::fdopendir(listing->number()));
    if (!stream) return entries;
    (void)listing->release();
    while (const dirent* item = ::readdir(stream.get())) {
        if (!is_entry_name(item->d_name) && !is_temporary_name(item->d_name)) continue;
        const auto status = sys::fstatat(directory, item->d_name, AT_SYMLINK_NOFOLLOW);
        if (!status) continue;
        if (is_entry_name(item->d_name))
            entries.push_back({status->st_mtim, item->d_name});
        else if (status->st_mtim.tv_sec + kAbandonedAfter_s < std::time(nullptr))
            (void)sys::unlinkat(directory, item->d_name, 0);
    }
    return entries;
}

void evict(sys::FdRef directory) {
    auto entries = list_entries(directory);
    if (entries.size() <= kMaximalCacheEntries) return;
    std::ranges::sort(entries, [](const File& a, const File& b) {
        return std::pair(a.modified.tv_sec, a.modified.tv_nsec) < std::pair(b.modified.tv_sec, b.modified.tv_nsec);
    });
    entries.resize(entries.size() - kMaximalCacheEntries);
    for (const auto& oldest : entries)
        (void)sys::unlinkat(directory, oldest.name, 0);
}

/// A cache that cannot be written is no cache, but no failure either: nothing is said, so that a start with a warm
/// cache, a cold one and none say the same.
void store(sys::FdRef directory, const std::string& name, std::string_view key, const CacheEntry& entry) {
    if (sys::replace_file_at(directory, name, encode_entry(key, entry), 0600)) evict(directory);
}
}  // namespace

std::string cache_key(const spec::Seccomp& profile) {
    utsname host{};
    ::uname(&host);
    Writer writer;
    writer.u32(kVersion);
    writer.string(ARCA_VERSION);
    writer.string(library_version());
    writer.u32(native_architecture());
    writer.string(host.release);
    encode(writer, profile);
    return writer.take();
}

std::string cache_file_name(std::string_view key) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const std::uint64_t hash = checksum(key);
    std::string name;
    for (unsigned shift = 64; shift > 0; shift -= 4)
        name.push_back(kDigits[hash >> (shift - 4) & 15U]);
    return name;
}

std::string encode_entry(std::string_view key, const CacheEntry& entry) {
    Writer writer;
    writer.raw(kMagic);
    writer.string(key);
    writer.string(serialise(entry.program));
    writer.u64(entry.notes.size());
    for (const auto& note : entry.notes) {
        writer.string(note.pointer);
        writer.string(note.text);
    }
    writer.u64(checksum(writer.bytes()));
    return writer.take();
}

Result<CacheEntry> decode_entry(std::string_view bytes, std::string_view key) {
    Reader reader(bytes);
    if (reader.raw(kMagic.size()) != kMagic) return unusable("it is not one");
    if (reader.string() != key) return unusable("it was made from another profile");
    const auto image = reader.string();
    if (!image) return unusable("it is cut short");
    CacheEntry entry;
    entry.notes = TRY(decode_notes(reader));
    const auto sum = reader.u64();
    if (!sum || !reader.rest().empty()) return unusable("its length is wrong");
    if (*sum != checksum(bytes.substr(0, bytes.size() - sizeof(std::uint64_t))))
        return unusable("its checksum is wrong");
    entry.program = TRY(parse(*image));
    return entry;
}

Result<Program> compile_cached(const spec::Seccomp& profile, sys::FdRef cache_directory,
                               std::vector<spec::Note>& notes) {
    if (!cache_directory) return compile(profile, notes);
    const auto key = cache_key(profile);
    const auto name = cache_file_name(key);
    auto entry = read_entry(cache_directory, name, key);
    if (!entry) {
        CacheEntry made;
        made.program = TRY(compile(profile, made.notes));
        store(cache_directory, name, key, made);
        entry = std::move(made);
    }
    notes.insert(notes.end(), entry->notes.begin(), entry->notes.end());
    return std::move(entry->program);
}

}  // namespace arca::seccomp
