#include "target.hpp"

namespace fuzz {

namespace {
std::vector<const Target*>& list() {
    static std::vector<const Target*> targets;
    return targets;
}
}  // namespace

Target::Target(std::string_view its_name, Function function) : name(its_name), run(function) {
    list().push_back(this);
}

const std::vector<const Target*>& Target::all() {
    return list();
}

}  // namespace fuzz
