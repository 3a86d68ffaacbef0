// The probe runs as a container's process and tells what it sees, one JSON object a line, so that tests compare
// values instead of parsing the output of shell tools. It must not depend on anything in the root filesystem.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

namespace probe {

/// Words after the subcommand's name.
using Words = std::vector<std::string>;

/// Builds one JSON object, members in the order of the calls.
class Object {
  public:
    Object& text(const char* key, const std::string& value);
    Object& number(const char* key, long long value);
    Object& boolean(const char* key, bool value);
    Object& texts(const char* key, const Words& values);
    Object& numbers(const char* key, const std::vector<long long>& values);
    /// "error": "" on success, else the errno's name.
    Object& error(int errnum);
    Object& raw(const char* key, const std::string& json);
    std::string str() const { return "{" + body_ + "}"; }

  private:
    void key(const char* name);
    std::string body_;
};

std::string quote(const std::string& text);
void print(const Object& object);
/// Whole content of a file; sets errno and returns what was read so far on failure.
std::string slurp(const std::string& path, int& errnum);
/// `words[index]`, or the fallback when there are fewer.
std::string word(const Words& words, std::size_t index, const std::string& fallback = "");

struct Command {
    const char* name;
    int (*run)(const Words&);
};

// One list of subcommands per source file, each ended by a null name.
extern const Command kIdentityCommands[];
extern const Command kEnvironmentCommands[];
extern const Command kFileCommands[];
extern const Command kActionCommands[];
extern const Command kAttackCommands[];

/// Object with namespace type -> inode of /proc/self/ns.
std::string namespaces_json();

}  // namespace probe
