#include "seccomp/cache.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <set>

#include "bpf_machine.hpp"
#include "sys/syscalls.hpp"

namespace arca::seccomp {
namespace {

using spec::SeccompAction;
using spec::SeccompOperator;

spec::Seccomp sample_profile() {
    spec::Seccomp profile;
    profile.default_action = SeccompAction::Errno;
    profile.default_errno_ret = 1;
    profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86"};
    profile.flags = {{"SECCOMP_FILTER_FLAG_LOG"}};
    profile.listener_path = "/run/agent";
    profile.listener_metadata = "data";
    profile.syscalls = {{{"read", "write"}, SeccompAction::Allow, std::nullopt, {}},
                        {{"frobnicate"}, SeccompAction::Allow, std::nullopt, {}},
                        {{"clone"}, SeccompAction::Errno, 13, {{0, 1, 2, SeccompOperator::MaskedEqual}}}};
    return profile;
}

// ---- the key --------------------------------------------------------------------------------------------------------

TEST(CacheKey, EveryFieldOfAProfileChangesIt) {
    using Mutation = std::function<void(spec::Seccomp&)>;
    const std::map<std::string, Mutation> mutations = {
        {"nothing", [](auto&) {}},
        {"defaultAction", [](auto& p) { p.default_action = SeccompAction::Kill; }},
        {"defaultErrnoRet", [](auto& p) { p.default_errno_ret = 2; }},
        {"defaultErrnoRet absent", [](auto& p) { p.default_errno_ret.reset(); }},
        {"defaultErrnoRet 0", [](auto& p) { p.default_errno_ret = 0; }},
        {"architecture", [](auto& p) { p.architectures[0] = "SCMP_ARCH_X32"; }},
        {"architectures fewer", [](auto& p) { p.architectures.pop_back(); }},
        {"architectures other order", [](auto& p) { std::swap(p.architectures[0], p.architectures[1]); }},
        {"flag", [](auto& p) { p.flags = {{"SECCOMP_FILTER_FLAG_TSYNC"}}; }},
        {"flags empty", [](auto& p) { p.flags->clear(); }},
        {"flags absent", [](auto& p) { p.flags.reset(); }},
        {"listenerPath", [](auto& p) { p.listener_path += "x"; }},
        {"listenerMetadata", [](auto& p) { p.listener_metadata += "x"; }},
        {"listener moved", [](auto& p) { p.listener_path += "d", p.listener_metadata = "ata"; }},
        {"name", [](auto& p) { p.syscalls[0].names[0] = "open"; }},
        {"names joined", [](auto& p) { p.syscalls[0].names = {"readwrite"}; }},
        {"names cut elsewhere",
         [](auto& p) {
             p.syscalls[0].names = {"readw", "rite"};
         }},
        {"names fewer", [](auto& p) { p.syscalls[0].names.pop_back(); }},
        {"action", [](auto& p) { p.syscalls[0].action = SeccompAction::Log; }},
        {"errnoRet", [](auto& p) { p.syscalls[2].errno_ret = 38; }},
        {"errnoRet absent", [](auto& p) { p.syscalls[2].errno_ret.reset(); }},
        {"errnoRet 0", [](auto& p) { p.syscalls[2].errno_ret = 0; }},
        {"index", [](auto& p) { p.syscalls[2].args[0].index = 1; }},
        {"value", [](auto& p) { p.syscalls[2].args[0].value = 1ULL << 40; }},
        {"valueTwo", [](auto& p) { p.syscalls[2].args[0].value_two = 1ULL << 40; }},
        {"value and valueTwo",
         [](auto& p) { std::swap(p.syscalls[2].args[0].value, p.syscalls[2].args[0].value_two); }},
        {"op", [](auto& p) { p.syscalls[2].args[0].op = SeccompOperator::Equal; }},
        {"args fewer", [](auto& p) { p.syscalls[2].args.clear(); }},
        {"args moved", [](auto& p) { std::swap(p.syscalls[1].args, p.syscalls[2].args); }},
        {"rules other order", [](auto& p) { std::swap(p.syscalls[0], p.syscalls[1]); }},
        {"rules fewer", [](auto& p) { p.syscalls.pop_back(); }},
        {"rule empty", [](auto& p) { p.syscalls.emplace_back(); }},
    };
    std::map<std::string, std::string> seen;
    for (const auto& [what, mutate] : mutations) {
        auto profile = sample_profile();
        mutate(profile);
        const auto [other, is_new] = seen.emplace(cache_key(profile), what);
        EXPECT_TRUE(is_new) << what << " has the key of " << other->second;
    }
    EXPECT_EQ(cache_key(sample_profile()), cache_key(sample_profile()));
}

// ---- the directory --------------------------------------------------------------------------------------------------

class Cache : public ::testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/arca-seccomp-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        path_ = name;
        directory_ = sys::Fd(::open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        ASSERT_TRUE(directory_);
    }
    void TearDown() override { std::filesystem::remove_all(path_); }

    std::string file_of(const spec::Seccomp& profile) const {
        return path_ + "/" + cache_file_name(cache_key(profile));
    }
    Program must_compile(const spec::Seccomp& profile) {
        notes_.clear();
        auto program = compile_cached(profile, directory_, notes_);
        if (program) return std::move(*program);
        ADD_FAILURE() << program.error().message();
        return {};
    }
    void write(const std::string& path, std::string_view bytes) const {
        const sys::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        ASSERT_TRUE(sys::write_all(file, bytes));
    }
    /// An intact entry that says something nobody would compile from the profile: only a hit gives it back.
    CacheEntry planted() const {
        constexpr std::uint64_t kReturnLog = std::uint64_t{SECCOMP_RET_LOG} << 32U | 6;
        return {{{kReturnLog}, 0}, {{"/planted", "note"}}};
    }
    std::size_t count_files() const {
        std::size_t count = 0;
        for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(path_))
            ++count;
        return count;
    }

    std::string path_;
    sys::Fd directory_;
    std::vector<spec::Note> notes_;
};

TEST_F(Cache, SecondTimeSaysTheSameAsTheFirst) {
    const auto profile = sample_profile();
    std::vector<spec::Note> expected_notes;
    const auto expected = compile(profile, expected_notes);
    ASSERT_TRUE(expected);
    ASSERT_EQ(expected_notes.size(), 1U);
    for (int time = 0; time < 2; ++time) {
        const auto program = must_compile(profile);
        EXPECT_EQ(program.instructions, expected->instructions);
        EXPECT_EQ(program.flags, expected->flags);
        EXPECT_EQ(notes_, expected_notes);
    }
    EXPECT_EQ(count_files(), 1U);
    struct stat status {};
    ASSERT_EQ(::stat(file_of(profile).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(Cache, AHitDoesNotCompile) {
    const auto profile = sample_profile();
    write(file_of(profile), encode_entry(cache_key(profile), planted()));
    EXPECT_EQ(must_compile(profile).instructions, planted().program.instructions);
    EXPECT_EQ(notes_, planted().notes);
}

TEST_F(Cache, NotesAreAppended) {
    notes_ = {{"/before", "kept"}};
    ASSERT_TRUE(compile_cached(sample_profile(), directory_, notes_));
    ASSERT_EQ(notes_.size(), 2U);
    EXPECT_EQ(notes_[0].pointer, "/before");
}

TEST_F(Cache, AnErrorIsNotKept) {
    auto profile = sample_profile();
    profile.syscalls[0].args = {{6, 1, 0, SeccompOperator::Equal}};
    for (int time = 0; time < 2; ++time)
        EXPECT_FALSE(compile_cached(profile, directory_, notes_));
    EXPECT_EQ(count_files(), 0U);
}

// Both mistakes are real ones, of a cache whose key left errnoRet out and joined strings without a separator.
TEST_F(Cache, ProfilesThatDifferInErrnoRetOnlyAreNotMixedUp) {
    for (const std::uint32_t number : {38U, 1U, 13U}) {
        spec::Seccomp profile;
        profile.architectures = {"SCMP_ARCH_X86_64"};
        profile.syscalls = {{{"getpid"}, SeccompAction::Errno, number, {}}};
        EXPECT_EQ(test::execute(must_compile(profile), {.number = 39}), SECCOMP_RET_ERRNO | number);
    }
}

TEST_F(Cache, NamesThatJoinToTheSameTextAreNotMixedUp) {
    spec::Seccomp profile;
    profile.architectures = {"SCMP_ARCH_X86_64"};
    profile.syscalls = {{{"getpgrpgetppid"}, SeccompAction::Errno, std::nullopt, {}}};
    const auto open = must_compile(profile);
    EXPECT_EQ(test::execute(open, {.number = 110}), SECCOMP_RET_ALLOW);
    profile.syscalls = {{{"getpgrp", "getppid"}, SeccompAction::Errno, std::nullopt, {}}};
    const auto closed = must_compile(profile);
    EXPECT_EQ(test::execute(closed, {.number = 110}), SECCOMP_RET_ERRNO | 1U);
    EXPECT_EQ(test::execute(closed, {.number = 111}), SECCOMP_RET_ERRNO | 1U);
}

TEST_F(Cache, AnEntryOfAnotherProfileUnderThisNameIsNotBelieved) {
    const auto profile = sample_profile();
    auto other = profile;
    other.syscalls[2].errno_ret = 38;
    write(file_of(profile), encode_entry(cache_key(other), planted()));
    EXPECT_NE(must_compile(profile).instructions, planted().program.instructions);
    // And it was put right.
    EXPECT_TRUE(decode_entry(*sys::read_file(file_of(profile)), cache_key(profile)));
}

TEST_F(Cache, DamageIsFoundAndRepaired) {
    const auto profile = sample_profile();
    const auto key = cache_key(profile);
    const auto intact = encode_entry(key, planted());
    for (std::size_t position = 0; position < intact.size(); ++position) {
        auto damaged = intact;
        damaged[position] = static_cast<char>(damaged[position] ^ 0x10);
        EXPECT_FALSE(decode_entry(damaged, key)) << position;
        EXPECT_FALSE(decode_entry(std::string_view(intact).substr(0, position), key)) << position;
    }
    EXPECT_FALSE(decode_entry(intact + "x", key));
    for (const auto& damaged : {std::string(), intact.substr(0, intact.size() / 2), intact + "x"}) {
        write(file_of(profile), damaged);
        EXPECT_NE(must_compile(profile).instructions, planted().program.instructions);
        EXPECT_TRUE(decode_entry(*sys::read_file(file_of(profile)), key));
    }
}

TEST_F(Cache, AFileThatOthersCouldHaveWrittenIsNotBelieved) {
    const auto profile = sample_profile();
    const auto bytes = encode_entry(cache_key(profile), planted());
    write(file_of(profile), bytes);
    ASSERT_EQ(::chmod(file_of(profile).c_str(), 0620), 0);
    EXPECT_NE(must_compile(profile).instructions, planted().program.instructions);

    std::filesystem::remove(file_of(profile));
    write(path_ + "/elsewhere", bytes);
    std::filesystem::create_symlink("elsewhere", file_of(profile));
    EXPECT_NE(must_compile(profile).instructions, planted().program.instructions);

    std::filesystem::remove(file_of(profile));
    ASSERT_EQ(::mkfifo(file_of(profile).c_str(), 0600), 0);
    EXPECT_NE(must_compile(profile).instructions, planted().program.instructions);

    if (::geteuid() != 0) return;
    write(file_of(profile), bytes);
    ASSERT_EQ(::chown(file_of(profile).c_str(), 65534, 65534), 0);
    EXPECT_NE(must_compile(profile).instructions, planted().program.instructions);
}

TEST_F(Cache, WithoutADirectoryItOnlyCompiles) {
    const auto expected = must_compile(sample_profile());
    const auto expected_notes = notes_;
    // No directory, one that takes no files, one that is gone.
    const sys::Fd sysfs(::open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const auto gone_path = path_ + "/gone";
    std::filesystem::create_directory(gone_path);
    const sys::Fd gone(::open(gone_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::filesystem::remove(gone_path);
    for (const auto directory : {sys::FdRef(), sysfs.ref(), gone.ref(), sys::FdRef(1000000)}) {
        std::vector<spec::Note> notes;
        const auto program = compile_cached(sample_profile(), directory, notes);
        ASSERT_TRUE(program) << program.error().message();
        EXPECT_EQ(program->instructions, expected.instructions);
        EXPECT_EQ(notes, expected_notes);
    }
}

TEST_F(Cache, TheOldestGoWhenThereAreTooMany) {
    const auto name_of = [](unsigned index) { return cache_file_name("entry" + std::to_string(index)); };
    for (unsigned index = 0; index < 70; ++index) {
        write(path_ + "/" + name_of(index), "x");
        const timespec times[2] = {{1000 + index, 0}, {1000 + index, 0}};
        ASSERT_EQ(::utimensat(AT_FDCWD, (path_ + "/" + name_of(index)).c_str(), times, 0), 0);
    }
    // A writer that died long ago, one that may live, and a file that is none of ours.
    const auto dead = "." + name_of(0) + ".99999", alive = "." + name_of(0) + ".99998";
    for (const auto& name : {dead, alive, std::string("README")})
        write(path_ + "/" + name, "x");
    const timespec long_ago[2] = {{1000, 0}, {1000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (path_ + "/" + dead).c_str(), long_ago, 0), 0);

    must_compile(sample_profile());
    EXPECT_EQ(count_files(), kMaximalCacheEntries + 2);
    for (unsigned index = 0; index < 70; ++index)
        EXPECT_EQ(std::filesystem::exists(path_ + "/" + name_of(index)), index >= 7) << index;
    EXPECT_TRUE(std::filesystem::exists(file_of(sample_profile())));
    EXPECT_FALSE(std::filesystem::exists(path_ + "/" + dead));
    EXPECT_TRUE(std::filesystem::exists(path_ + "/" + alive));
    EXPECT_TRUE(std::filesystem::exists(path_ + "/README"));
}

TEST_F(Cache, RacingWritersNeverShowHalfAnEntry) {
    const auto profile = sample_profile();
    const auto key = cache_key(profile);
    std::array<int, 2> enough{};
    ASSERT_EQ(::pipe2(enough.data(), O_CLOEXEC | O_NONBLOCK), 0);
    const auto wanted = [&] {
        pollfd readable{.fd = enough[0], .events = POLLIN, .revents = 0};
        return ::poll(&readable, 1, 0) == 0;
    };
    std::vector<pid_t> writers;
    for (int writer = 0; writer < 2; ++writer) {
        const pid_t pid = ::fork();
        if (pid == 0) {
            do {
                ::unlink(file_of(profile).c_str());
                std::vector<spec::Note> notes;
                if (!compile_cached(profile, directory_, notes) || notes.size() != 1) ::_exit(1);
            } while (wanted());
            ::_exit(0);
        }
        writers.push_back(pid);
    }
    // The writers go on until enough entries were seen, so that a machine that lets them run first changes nothing.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    int looks = 0;
    bool whole = true;
    while (whole && looks < 100 && std::chrono::steady_clock::now() < deadline) {
        const auto bytes = sys::read_file(file_of(profile));
        if (!bytes) continue;
        ++looks;
        whole = decode_entry(*bytes, key).has_value();
    }
    EXPECT_EQ(::write(enough[1], "", 1), 1);
    for (const pid_t writer : writers) {
        int status = 0;
        EXPECT_EQ(::waitpid(writer, &status, 0), writer);
        EXPECT_EQ(status, 0);
    }
    ::close(enough[0]);
    ::close(enough[1]);
    EXPECT_TRUE(whole);
    EXPECT_EQ(looks, 100);
    EXPECT_EQ(count_files(), 1U);
}

}  // namespace
}  // namespace arca::seccomp
