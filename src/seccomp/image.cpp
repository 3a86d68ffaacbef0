#include "base/text.hpp"
#include "seccomp/encoding.hpp"
#include "seccomp/flags.hpp"
#include "seccomp/program.hpp"
#include "seccomp/validate.hpp"

namespace arca::seccomp {

namespace {
constexpr std::string_view kMagic = "arca-bpf";
constexpr std::uint32_t kVersion = 1;

std::unexpected<Error> broken(std::string_view why) {
    return fail(Code::BadState, text::cat("the stored seccomp program cannot be used: ", why));
}
}  // namespace

// magic, version, flags, count, instructions, checksum of all before it
std::string serialise(const Program& program) {
    Writer writer;
    writer.raw(kMagic);
    writer.u32(kVersion);
    writer.u32(program.flags);
    writer.u64(program.instructions.size());
    writer.raw({reinterpret_cast<const char*>(program.instructions.data()),
                program.instructions.size() * sizeof(std::uint64_t)});
    writer.u64(checksum(writer.bytes()));
    return writer.take();
}

Result<Program> parse(std::string_view bytes) {
    Reader reader(bytes);
    if (reader.raw(kMagic.size()) != kMagic) return broken("it is not one");
    if (reader.u32() != kVersion) return broken("another version of arca wrote it");
    const auto flags = reader.u32();
    const auto count = reader.u64();
    if (!flags || !count || *count > kMaximalInstructions) return broken("its header is damaged");
    const auto code = reader.raw(*count * sizeof(std::uint64_t));
    if (!code) return broken("it is cut short");
    const auto sum = reader.u64();
    if (!sum || !reader.rest().empty()) return broken("its length is wrong");
    if (*sum != checksum(bytes.substr(0, bytes.size() - sizeof(std::uint64_t)))) return broken("its checksum is wrong");
    Program program;
    program.flags = *flags;
    program.instructions.resize(*count);
    code->copy(reinterpret_cast<char*>(program.instructions.data()), code->size());
    TRY(validate(program));
    return program;
}

}  // namespace arca::seccomp
