// Owned and borrowed file descriptors.
#pragma once

#include <utility>

namespace arca::sys {

/// A borrowed descriptor: parameters take FdRef, members hold Fd.
class FdRef {
  public:
    constexpr FdRef() = default;
    constexpr explicit FdRef(int number) : number_(number) {}
    constexpr int number() const { return number_; }
    constexpr explicit operator bool() const { return number_ >= 0 || number_ == kWorkingDirectory; }

    /// AT_FDCWD, for system calls that take "a directory".
    static constexpr FdRef working_directory() { return FdRef(kWorkingDirectory); }

  private:
    static constexpr int kWorkingDirectory = -100;  // AT_FDCWD
    int number_ = -1;
};

/// An owned descriptor. close(2) is called once and never retried: on Linux the number is free even after EINTR.
class [[nodiscard]] Fd {
  public:
    constexpr Fd() = default;
    constexpr explicit Fd(int number) : number_(number) {}
    Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            reset();
            number_ = std::exchange(other.number_, -1);
        }
        return *this;
    }
    ~Fd() { reset(); }

    explicit operator bool() const { return number_ >= 0; }
    int number() const { return number_; }
    FdRef ref() const { return FdRef(number_); }
    operator FdRef() const { return ref(); }
    [[nodiscard]] int release() { return std::exchange(number_, -1); }
    void reset();

  private:
    int number_ = -1;
};

}  // namespace arca::sys
