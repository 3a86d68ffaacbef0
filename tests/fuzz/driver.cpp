// fuzz TARGET FILE-OR-DIRECTORY [SECONDS]: runs every file through the target, then inputs made of them for that time.
// The same seed makes the same inputs in the same order. What crashed, or took too long, is left in crash-TARGET.
//
// This knows nothing of what an input reaches. It is the short run of the ordinary tests, of the libraries as they are;
// libFuzzer, which is told, does the long ones (tests/fuzz/run).
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "target.hpp"

extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {
constexpr unsigned kSecondsForOne = 20;
constexpr std::size_t kMaximalInput = 1U << 16U;

std::string current;
std::string crash_file;

void keep_current() {
    const int file = ::open(crash_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file >= 0 && ::write(file, current.data(), current.size()) < 0) ::_exit(98);
}

void die_of_signal(int number) {
    keep_current();
    ::signal(number, SIG_DFL);
    ::raise(number);
}

void catch_deaths(std::string_view target) {
    crash_file = "crash-" + std::string(target);
    if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(keep_current);
    for (int number : {SIGABRT, SIGALRM})
        ::signal(number, die_of_signal);
}

void run(const fuzz::Target& target, std::string input) {
    current = std::move(input);
    ::alarm(kSecondsForOne);
    // A copy of its very size, so that reading behind its end is noticed.
    const std::vector<char> exact(current.begin(), current.end());
    target.run(std::string_view(exact.data(), exact.size()));
}

std::vector<std::string> read_corpus(const std::filesystem::path& place) {
    std::vector<std::filesystem::path> files;
    if (std::filesystem::is_directory(place))
        for (const auto& entry : std::filesystem::directory_iterator(place))
            files.push_back(entry.path());
    else
        files.push_back(place);
    std::sort(files.begin(), files.end());
    std::vector<std::string> inputs;
    for (const auto& file : files) {
        std::ifstream stream(file, std::ios::binary);
        inputs.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
    }
    return inputs;
}

/// Makes inputs of those that there are.
class Mutator {
  public:
    explicit Mutator(const std::vector<std::string>& inputs) : inputs_(inputs) {
        for (const auto& input : inputs)
            collect_words(input);
    }

    std::string make() {
        std::string text = any(inputs_);
        for (auto rounds = below(4) + 1; rounds > 0; --rounds)
            change(text);
        text.resize(std::min(text.size(), kMaximalInput));
        return text;
    }

  private:
    std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }
    const std::string& any(const std::vector<std::string>& from) { return from[below(from.size())]; }

    static bool is_of_a_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

    void collect_words(const std::string& input) {
        auto at = input.begin();
        while (at != input.end()) {
            const auto end =
                std::find_if(at, input.end(), [&](char c) { return is_of_a_word(c) != is_of_a_word(*at); });
            words_.emplace_back(at, end);
            at = end;
        }
    }

    void change(std::string& text) {
        const auto from = below(text.size() + 1);
        const auto size = std::min(text.size() - from, below(1U << below(8)) + 1);
        switch (below(7)) {
            case 0:
                if (from < text.size()) text[from] = static_cast<char>(text[from] ^ (1 << below(8)));
                break;
            case 1:
                if (from < text.size()) text[from] = static_cast<char>(below(256));
                break;
            case 2:
                text.erase(from, size);
                break;
            case 3:
                text.insert(below(text.size() + 1), text.substr(from, size));
                break;
            case 4:
                text.replace(from, size, any(words_));
                break;
            case 5: {
                const auto& other = any(inputs_);
                text.replace(from, size, other.substr(below(other.size() + 1), below(64)));
                break;
            }
            default:
                text.replace(from, below(4), kNumbers[below(std::size(kNumbers))]);
        }
    }

    static constexpr const char* kNumbers[] = {"0",
                                               "-1",
                                               "1e99",
                                               "2147483648",
                                               "4294967295",
                                               "4294967296",
                                               "9223372036854775807",
                                               "18446744073709551616",
                                               "\"\"",
                                               "[]",
                                               "{}",
                                               "null",
                                               "/",
                                               ",",
                                               "\n"};

    const std::vector<std::string>& inputs_;
    std::vector<std::string> words_ = {"0"};
    std::mt19937 random_{20231128};
};

std::size_t run_mutations(const fuzz::Target& target, const std::vector<std::string>& inputs, double seconds) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::duration<double>(seconds);
    Mutator mutator(inputs);
    std::size_t count = 0;
    for (; Clock::now() < end; ++count)
        run(target, mutator.make());
    return count;
}
}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        for (const auto* target : fuzz::Target::all())
            std::printf("%.*s\n", static_cast<int>(target->name.size()), target->name.data());
        return 2;
    }
    for (const auto* target : fuzz::Target::all()) {
        if (target->name != argv[1]) continue;
        catch_deaths(target->name);
        const auto inputs = read_corpus(argv[2]);
        if (inputs.empty()) break;
        for (const auto& input : inputs)
            run(*target, input);
        const auto made = argc > 3 ? run_mutations(*target, inputs, std::atof(argv[3])) : 0;
        std::printf("%s: %zu inputs, %zu made of them\n", argv[1], inputs.size(), made);
        return 0;
    }
    std::fprintf(stderr, "no target %s, or nothing in %s\n", argv[1], argv[2]);
    return 2;
}
