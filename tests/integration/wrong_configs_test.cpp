// Each row of tables/wrong_configs.json: one good configuration, made wrong. arca must refuse it with exactly that
// message, which names the entry by its JSON pointer, and change nothing: the bundle is as before, and no state,
// cgroup, mount or process is left. What other runtimes make of the same rows: tables/compare.
#include <sys/stat.h>
#include <unistd.h>

#include <regex>

#include "harness/container.hpp"

using namespace integration;

namespace {

struct Row {
    friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

    std::string name;
    Json edit;         ///< JSON pointer -> value to put there; null removes the entry
    std::string text;  ///< the file itself, where there is no edit
    std::string error;
    std::vector<std::string> unless;  ///< hosts that have one of these files may accept it
};

const Json& table() {
    static const Json table = Json::parse(read_file(table_file("wrong_configs.json")));
    return table;
}

bool is_number(const std::string& token) {
    return !token.empty() && token.find_first_not_of("0123456789") == std::string::npos;
}

/// "cpu and pids", 3 and {"/linux/resources/cpu": ...} -> "cpu_and_pids_3_cpu"
std::string name_of(const std::string& area, std::size_t index, const Json& edit) {
    std::string name = area + "_" + std::to_string(index);
    if (!edit.empty()) name += "_" + Json::json_pointer(edit.rbegin().key()).back();
    for (char& c : name)
        if (isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
    return name;
}

std::vector<Row> rows() {
    std::vector<Row> all;
    for (const auto& area : table()["areas"]) {
        std::size_t index = 0;
        for (const auto& row : area["rows"]) {
            const Json edit = row.value("edit", Json::object());
            all.push_back({name_of(area["area"], index++, edit), edit, row.value("text", ""), row["error"],
                           row.value("unless", std::vector<std::string>())});
        }
    }
    return all;
}

void apply(const std::string& where, const Json& value, Json& config) {
    const Json::json_pointer pointer(where);
    if (!value.is_null()) {
        config[pointer] = value;
        return;
    }
    Json& parent = config[pointer.parent_pointer()];
    if (parent.is_array())
        parent.erase(std::stoul(pointer.back()));
    else
        parent.erase(pointer.back());
}

/// Path, type, mode, owner, size and time of the last write of everything below `directory`. (Not the time of change:
/// programs are links to files that other tests link to as well.)
std::vector<std::string> listing(const std::filesystem::path& directory) {
    std::vector<std::string> all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
        struct stat status {};
        lstat(entry.path().c_str(), &status);
        all.push_back(entry.path().string() + " " + std::to_string(status.st_mode) + " " +
                      std::to_string(status.st_uid) + ":" + std::to_string(status.st_gid) + " " +
                      std::to_string(status.st_size) + " " + std::to_string(status.st_mtim.tv_sec) + "." +
                      std::to_string(status.st_mtim.tv_nsec));
    }
    std::sort(all.begin(), all.end());
    return all;
}

/// What the line in the file must hold that is given for `pointer`: its key, that of the object which lacks it, or the
/// beginning of an element.
std::string found_at(const std::string& pointer, const Json& config) {
    Json::json_pointer deepest(pointer);
    while (!deepest.empty() && !config.contains(deepest))
        deepest.pop_back();
    if (deepest.empty()) return "{";
    if (!is_number(deepest.back()) || config[deepest.parent_pointer()].is_object()) return Json(deepest.back()).dump();
    const Json& element = config[deepest];
    return element.is_structured() ? element.dump().substr(0, 1) : element.dump();
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
    return text;
}

}  // namespace

class WrongConfigs : public ContainerTest {
  protected:
    void SetUp() override {
        ContainerTest::SetUp();
        bundle.directory("mnt");
        const Json place = bundle.config["linux"].value("cgroupsPath", Json());
        bundle.config = table()["base"];
        if (!place.is_null()) bundle.config["linux"]["cgroupsPath"] = place;
    }
};

TEST_F(WrongConfigs, AreMadeFromAGoodOne) {
    REQUIRE_ROOT();
    EXPECT_EQ(container.run().out, "hello\n");
}

TEST_F(WrongConfigs, AreMany) {
    EXPECT_GE(rows().size(), 150U);
}

class WrongConfigsByRow : public WrongConfigs, public testing::WithParamInterface<Row> {
  protected:
    /// Writes config.json and returns it as a value; null where the row is a text.
    Json write_wrong() {
        Json config;
        std::string text = GetParam().text;
        if (!GetParam().edit.empty()) {
            config = bundle.config;
            for (const auto& [where, value] : GetParam().edit.items())
                apply(where, value, config);
            text = config.dump(2);
        }
        write_file(bundle.path() / "config.json", text);
        return config;
    }

    /// Each "/pointer (line 12)" of the message is right; they are told as "(line N)".
    static std::string checked_lines(std::string message, const Json& config) {
        const auto text = lines(config.dump(2));
        const std::regex place(R"((/\S*) \(line (\d+)\))");
        for (std::sregex_iterator at(message.begin(), message.end(), place); at != std::sregex_iterator(); ++at) {
            const std::size_t line = std::stoul((*at)[2]);
            const std::string wanted = found_at((*at)[1], config);
            EXPECT_TRUE(line <= text.size() && contains(text[line - 1], wanted)) << (*at)[0] << " wanted " << wanted;
        }
        return std::regex_replace(message, std::regex(R"(\(line \d+\))"), "(line N)");
    }

    void expect_nothing_left() {
        if (!std::filesystem::exists(root())) return;
        for (const auto& entry : std::filesystem::directory_iterator(root()))
            EXPECT_EQ(entry.path().filename(), ".failed") << "only the reason is kept, for `why`";
    }
};

TEST_P(WrongConfigsByRow, IsRefusedWithItsPlaceAndChangesNothing) {
    REQUIRE_ROOT();
    REQUIRE_ARCA("its own texts");
    for (const auto& file : GetParam().unless)
        REQUIRE(access(file.c_str(), F_OK) != 0, "this host has " << file);
    const Json config = write_wrong();
    const auto before = listing(bundle.path());
    const Output output = runtime({"create", "--bundle", bundle.path().string(), container.id});
    EXPECT_EQ(output.status, 1) << output;
    std::string message = replaced(output.err, bundle.path().string(), "BUNDLE");
    if (!config.is_null()) message = checked_lines(message, config);
    EXPECT_EQ(message, "arca: create " + container.id + ": " + GetParam().error + "\n");
    EXPECT_EQ(output.out, "");
    EXPECT_EQ(listing(bundle.path()), before);
    expect_nothing_left();
    for (const char* phrase : {"no such file or directory", "permission denied", "operation not permitted"})
        EXPECT_FALSE(contains(message, phrase)) << "engines read this as a missing program";
}

INSTANTIATE_TEST_SUITE_P(Rows, WrongConfigsByRow, testing::ValuesIn(rows()),
                         [](const auto& each) { return each.param.name; });
