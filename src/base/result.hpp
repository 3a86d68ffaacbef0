// TRY: the only control flow macro of the code base. Every place that can stop is marked by it.
#pragma once

#include <utility>

#include "arca/error.hpp"

namespace arca {

inline std::unexpected<Error> fail(Error error) {
    return std::unexpected<Error>(std::move(error));
}
inline std::unexpected<Error> fail(Code code, std::string what, int errnum = 0) {
    return std::unexpected<Error>(Error(code, std::move(what), errnum));
}

/// The first failure is what the caller needs to know; that cleaning up after it failed as well is told beside it.
inline Error also(Error first, const Result<>& cleanup) {
    return cleanup ? std::move(first) : std::move(first).also(cleanup.error().message());
}

namespace try_detail {
template<class T>
T take(Result<T>&& result) {
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}
}  // namespace try_detail

#define ARCA_TRY_JOIN2(a, b) a##b
#define ARCA_TRY_JOIN(a, b) ARCA_TRY_JOIN2(a, b)
#define ARCA_TRY_IMPL(expression, name, ...)                                            \
    __extension__({                                                                     \
        auto name = (expression);                                                       \
        if (!name) [[unlikely]]                                                         \
            return std::unexpected<::arca::Error>(std::move(name.error()) __VA_ARGS__); \
        ::arca::try_detail::take(std::move(name));                                      \
    })

/// Value of a Result, or return its error from the enclosing function.
#define TRY(...) ARCA_TRY_IMPL((__VA_ARGS__), ARCA_TRY_JOIN(try_result_, __COUNTER__))
/// The same, with an outer frame that is built only on failure.
#define TRY_CTX(expression, frame) ARCA_TRY_IMPL((expression), ARCA_TRY_JOIN(try_result_, __COUNTER__), .with(frame))

}  // namespace arca
