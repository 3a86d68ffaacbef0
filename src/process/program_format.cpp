#include "process/program_format.hpp"

#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "sys/syscalls.hpp"

namespace arca::process {

namespace {
// The kernel decides on the first BINPRM_BUF_SIZE bytes (linux/binfmts.h).
constexpr std::size_t kHeadSize = 256;
constexpr std::size_t kMaximalProgramHeaders = 65536;  // bytes, ELF_MIN_ALIGN (fs/binfmt_elf.c load_elf_phdrs)

constexpr unsigned char kNativeOrder = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
constexpr unsigned char kNativeClass = sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;

#if defined(__x86_64__)
constexpr unsigned kNativeMachine = EM_X86_64;
constexpr unsigned kCompatibleMachine = EM_386;
#elif defined(__aarch64__)
constexpr unsigned kNativeMachine = EM_AARCH64;
constexpr unsigned kCompatibleMachine = EM_ARM;
#elif defined(__riscv)
constexpr unsigned kNativeMachine = EM_RISCV;
constexpr unsigned kCompatibleMachine = EM_RISCV;
#elif defined(__powerpc64__)
constexpr unsigned kNativeMachine = EM_PPC64;
constexpr unsigned kCompatibleMachine = EM_PPC;
#elif defined(__s390__)
constexpr unsigned kNativeMachine = EM_S390;
constexpr unsigned kCompatibleMachine = EM_S390;
#elif defined(__arm__)
constexpr unsigned kNativeMachine = EM_ARM;
constexpr unsigned kCompatibleMachine = EM_ARM;
#elif defined(__i386__)
constexpr unsigned kNativeMachine = EM_386;
constexpr unsigned kCompatibleMachine = EM_386;
#else
#error "add the ELF machine of this architecture"
#endif

struct MachineName {
    unsigned number;
    std::string_view bits32;
    std::string_view bits64;
};
constexpr auto kMachines = std::to_array<MachineName>({
    {EM_386, "i386", "i386"},
    {EM_X86_64, "x32", "x86_64"},
    {EM_ARM, "arm", "arm"},
    {EM_AARCH64, "aarch64", "aarch64"},
    {EM_RISCV, "riscv32", "riscv64"},
    {EM_PPC, "ppc", "ppc"},
    {EM_PPC64, "ppc64", "ppc64"},
    {EM_S390, "s390", "s390x"},
    {EM_MIPS, "mips", "mips64"},
    {EM_SPARCV9, "sparc", "sparc64"},
    {258, "loongarch32", "loongarch64"},  // EM_LOONGARCH
});

std::string machine_name(unsigned number, unsigned char elf_class, unsigned char order) {
    std::string_view suffix;
    if (number == EM_PPC64 && order == ELFDATA2LSB) suffix = "le";
    if (number == EM_MIPS && order == ELFDATA2LSB) suffix = "el";
    for (const auto& machine : kMachines)
        if (machine.number == number)
            return text::cat(elf_class == ELFCLASS64 ? machine.bits64 : machine.bits32, suffix);
    return text::cat("machine number ", number);
}

/// Reads up to `size` bytes at `offset`: fewer at the end of the file.
Result<std::string> read_at(sys::FdRef file, std::uint64_t offset, std::size_t size) {
    std::string data(size, '\0');
    std::size_t used = 0;
    while (used < size) {
        auto count = ::pread(file.number(), data.data() + used, size - used, static_cast<off_t>(offset + used));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return sys::last_error("pread");
        if (count == 0) break;
        used += static_cast<std::size_t>(count);
    }
    data.resize(used);
    return data;
}

ProgramFormat not_executable(ProgramKind kind, std::string problem) {
    ProgramFormat format;
    format.kind = kind;
    format.problem = std::move(problem);
    return format;
}

// As fs/binfmt_script.c: blanks, the interpreter up to a blank, one argument; all on the first line.
ProgramFormat read_script(std::string_view head) {
    constexpr std::string_view kBlanks = " \t";
    const bool is_cut = head.size() == kHeadSize && head.find('\n') == std::string_view::npos;
    auto line = head.substr(2, head.find('\n') - 2);
    auto start = line.find_first_not_of(kBlanks);
    if (start == std::string_view::npos)
        return not_executable(ProgramKind::Script, "names no interpreter after \"#!\"");
    line.remove_prefix(start);
    const auto end = line.find_first_of(std::string_view(" \t\0", 3));
    if (is_cut && end == std::string_view::npos)
        return not_executable(ProgramKind::Script, "names an interpreter longer than the kernel reads");
    ProgramFormat format;
    format.kind = ProgramKind::Script;
    format.interpreter = line.substr(0, end);
    return format;
}

ProgramFormat read_other(std::string_view head) {
    if (head.empty()) return not_executable(ProgramKind::Unknown, "is empty");
    if (head.starts_with("\xEF\xBB\xBF#!"))
        return not_executable(ProgramKind::Unknown, "has a byte order mark before its \"#!\"");
    const bool is_text = std::ranges::none_of(head, [](char c) {
        return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != '\x1b';
    });
    if (is_text)
        return not_executable(ProgramKind::Unknown, "is a text file whose first line does not begin with \"#!\"");
    return not_executable(ProgramKind::Unknown, "is neither an ELF file nor a script");
}

template<class Value>
Value copy_of(std::string_view bytes, std::size_t offset) {
    Value value{};
    if (offset < bytes.size())
        std::memcpy(&value, bytes.data() + offset, std::min(sizeof value, bytes.size() - offset));
    return value;
}

// The loader of an ELF file: the string that its PT_INTERP header points to.
template<class ProgramHeader>
Result<> read_loader(sys::FdRef file, const ProgramHeader& header, ProgramFormat& format) {
    constexpr std::size_t kMaximalPath = 4096;
    const auto size = static_cast<std::size_t>(header.p_filesz);
    if (size < 2 || size > kMaximalPath) {
        format.problem = "is a damaged ELF file: the name of its loader has an impossible length";
        return {};
    }
    const auto name = TRY(read_at(file, header.p_offset, size));
    if (name.size() < size)
        format.problem = "is a truncated ELF file: the name of its loader is missing";
    else
        format.interpreter = name.c_str();  // up to the first NUL
    return {};
}

template<class Header, class ProgramHeader>
Result<> read_program_headers(sys::FdRef file, std::string_view head, ProgramFormat& format) {
    const auto header = copy_of<Header>(head, 0);
    const std::size_t table_size = std::size_t{header.e_phnum} * sizeof(ProgramHeader);
    if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
        format.problem = "is an ELF file, but no program (an object file or a core dump)";
        return {};
    }
    if (header.e_phentsize != sizeof(ProgramHeader) || header.e_phnum == 0 || table_size > kMaximalProgramHeaders) {
        format.problem = "is a damaged ELF file: it has no usable program headers";
        return {};
    }
    const auto table = TRY(read_at(file, header.e_phoff, table_size));
    if (table.size() < table_size) {
        format.problem = "is a truncated ELF file: its program headers are missing";
        return {};
    }
    for (std::size_t at = 0; at < table.size(); at += sizeof(ProgramHeader)) {
        const auto entry = copy_of<ProgramHeader>(table, at);
        if (entry.p_type == PT_INTERP) return read_loader(file, entry, format);
    }
    return {};
}

Result<ProgramFormat> read_elf(sys::FdRef file, std::string_view head) {
    ProgramFormat format;
    format.kind = ProgramKind::Elf;
    const auto elf_class = copy_of<unsigned char>(head, EI_CLASS);
    const auto order = copy_of<unsigned char>(head, EI_DATA);
    const std::size_t header_size = elf_class == ELFCLASS32 ? sizeof(Elf32_Ehdr) : sizeof(Elf64_Ehdr);
    if (head.size() < header_size) {
        format.problem = text::cat("is a truncated ELF file of ", head.size(), " bytes");
        return format;
    }
    // e_machine is at the same place in both classes.
    auto number = copy_of<std::uint16_t>(head, offsetof(Elf64_Ehdr, e_machine));
    if (order != kNativeOrder) number = static_cast<std::uint16_t>(number << 8 | number >> 8);
    if (number != kNativeMachine || order != kNativeOrder || elf_class != kNativeClass) {
        const bool is_compatible = (number == kCompatibleMachine || number == kNativeMachine) && order == kNativeOrder;
        format.machine = is_compatible ? Machine::Compatible : Machine::Foreign;
        format.problem = text::cat("is built for ", machine_name(number, elf_class, order), ", this machine runs ",
                                   machine_name(kNativeMachine, kNativeClass, kNativeOrder));
    }
    if (format.machine == Machine::Foreign) return format;
    if (elf_class == ELFCLASS32)
        TRY(read_program_headers<Elf32_Ehdr, Elf32_Phdr>(file, head, format));
    else
        TRY(read_program_headers<Elf64_Ehdr, Elf64_Phdr>(file, head, format));
    return format;
}
}  // namespace

Result<ProgramFormat> read_program_format(sys::FdRef file) {
    const auto head = TRY(read_at(file, 0, kHeadSize));
    if (head.starts_with("#!")) return read_script(head);
    if (head.starts_with(ELFMAG)) return read_elf(file, head);
    return read_other(head);
}

}  // namespace arca::process
