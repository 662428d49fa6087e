// SPDX-License-Identifier: Apache-2.0
#include "symbolize/debug_servers.h"

#include <dlfcn.h>
#include <elfutils/debuginfod.h>

#include <cstdlib>
#include <mutex>

#include "util/log.h"

namespace coroscope {
namespace {

using Clock = std::chrono::steady_clock;

std::string& hidden_urls() {
  static std::string urls;
  return urls;
}

// The environment is the whole process's: two observers of a daemon must not ask at once.
std::mutex& environment() {
  static std::mutex mutex;
  return mutex;
}

// The library looks there each time that it is asked.
class ShownUrls {
 public:
  ShownUrls() { ::setenv(DEBUGINFOD_URLS_ENV_VAR, hidden_urls().c_str(), 1); }
  ~ShownUrls() { ::unsetenv(DEBUGINFOD_URLS_ENV_VAR); }
  ShownUrls(const ShownUrls&) = delete;
  ShownUrls& operator=(const ShownUrls&) = delete;

 private:
  const std::lock_guard<std::mutex> alone_{environment()};
};

// Of what this thread asks for.
thread_local Clock::time_point deadline;

// Called about once a second while something is under way; not 0 ends it.
int is_late(debuginfod_client*, long, long) {
  return Clock::now() >= deadline ? 1 : 0;
}

}  // namespace

class DebugServers::Library {
 public:
  ~Library() {
    if (client_ != nullptr) end_(client_);
    // Never unloaded: libcurl and what it brings need not survive that.
  }

  bool open() {
    void* library = ::dlopen(DEBUGINFOD_SONAME, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return false;
    decltype(&debuginfod_set_progressfn) set_progress = nullptr;
    decltype(&debuginfod_begin) begin = nullptr;
    const bool whole = load(library, "debuginfod_begin", begin) &&
                       load(library, "debuginfod_end", end_) &&
                       load(library, "debuginfod_find_debuginfo", find_) &&
                       load(library, "debuginfod_set_progressfn", set_progress);
    client_ = whole ? begin() : nullptr;
    if (client_ != nullptr) set_progress(client_, &is_late);
    return client_ != nullptr;
  }

  Fd find(std::span<const std::byte> build_id) {
    const ShownUrls shown;
    char* path = nullptr;
    Fd file(find_(client_, reinterpret_cast<const unsigned char*>(build_id.data()),
                  static_cast<int>(build_id.size()), &path));
    std::free(path);
    return file;
  }

 private:
  template <typename Function>
  static bool load(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(::dlsym(library, name));
    return function != nullptr;
  }

  decltype(&debuginfod_end) end_ = nullptr;
  decltype(&debuginfod_find_debuginfo) find_ = nullptr;
  debuginfod_client* client_ = nullptr;
};

DebugServers::DebugServers(std::chrono::nanoseconds budget) : left_(budget) {}

DebugServers::~DebugServers() = default;

void DebugServers::hide_from_libdw() {
  const std::lock_guard alone(environment());
  const char* urls = std::getenv(DEBUGINFOD_URLS_ENV_VAR);
  if (urls == nullptr) return;
  hidden_urls() = urls;
  ::unsetenv(DEBUGINFOD_URLS_ENV_VAR);
}

// The library is opened when there is somebody to ask: it brings libcurl, which
// takes longer to load than many a dump.
bool DebugServers::open() {
  if (tried_) return library_ != nullptr;
  tried_ = true;
  library_ = std::make_unique<Library>();
  if (library_->open()) return true;
  library_.reset();
  log_warn("DEBUGINFOD_URLS names servers, but {} can not be loaded (Debian: libdebuginfod1)",
           DEBUGINFOD_SONAME);
  return false;
}

Fd DebugServers::find(std::span<const std::byte> build_id) {
  if (hidden_urls().empty() || build_id.empty() || left_ <= left_.zero() || !open()) return {};
  const Clock::time_point start = Clock::now();
  deadline = start + left_;
  Fd file = library_->find(build_id);
  left_ -= Clock::now() - start;
  if (left_ <= left_.zero()) {
    log_warn("the servers of DEBUGINFOD_URLS take too long; names are of what is here");
  }
  return file;
}

}  // namespace coroscope
