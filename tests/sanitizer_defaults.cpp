// Linked into the arca of sanitized builds. At exit LeakSanitizer clones a helper that traces the process; after `exec`
// has entered the container's pid namespace that helper is born inside it, does not find its parent, and the process
// spins for ever. Leaks are looked for in the unit tests; arca itself ends as soon as it is done.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
    return "detect_leaks=0";
}
