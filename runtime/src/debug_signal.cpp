// SPDX-License-Identifier: Apache-2.0
// Dumps on a signal. The handler wakes a thread: a dump demangles and so
// allocates, which the interrupted program may be doing just then.
#include <semaphore.h>
#include <signal.h>

#include <cerrno>
#include <mutex>
#include <ostream>
#include <streambuf>
#include <system_error>
#include <thread>

#include "coro/debug.h"
#include "text_writer.h"

namespace coro::debug {
namespace {

sem_t asked;

void on_signal(int) {
  const int saved_errno = errno;
  int waiting = 0;
  // One that waits is enough.
  if (sem_getvalue(&asked, &waiting) == 0 && waiting == 0) sem_post(&asked);
  errno = saved_errno;
}

// To stderr, unbuffered: the thread is never joined, and streams may be gone at the
// end of the process.
class ErrorBuffer : public std::streambuf {
 protected:
  std::streamsize xsputn(const char* text, std::streamsize size) override {
    detail::TextWriter(2) << std::string_view(text, static_cast<std::size_t>(size));
    return size;
  }
  int_type overflow(int_type character) override {
    const char text = traits_type::to_char_type(character);
    xsputn(&text, 1);
    return character;
  }
};

void dump_when_asked() noexcept {
  constexpr std::uint64_t many = 1000;
  for (;;) {
    while (sem_wait(&asked) != 0) continue;
    ErrorBuffer buffer;
    std::ostream stream(&buffer);
    try {
      dump(stream, {.group = count() >= many});
    } catch (...) {
      dump(2);
    }
  }
}

// Signals go to the program's own threads.
void start_thread() {
  sigset_t all;
  sigset_t former;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &former);
  struct Restore {
    const sigset_t& mask;
    ~Restore() { pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
  } const restore{former};
  sem_init(&asked, 0, 0);
  std::thread(dump_when_asked).detach();
}

}  // namespace

void dump_on_signal(int signal) {
  static std::once_flag once;
  std::call_once(once, start_thread);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  if (sigaction(signal, &action, nullptr) != 0) {
    throw std::system_error(errno, std::generic_category(),
                            "coro: no handler can be set for this signal");
  }
}

}  // namespace coro::debug
