#include "sys/fd.hpp"

#include <unistd.h>

#include <cerrno>

namespace arca::sys {

void Fd::reset() {
    if (number_ < 0) return;
    const int saved = errno;  // a destructor must not eat the errno that is about to be reported
    ::close(number_);
    errno = saved;
    number_ = -1;
}

}  // namespace arca::sys
