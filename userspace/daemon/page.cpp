// SPDX-License-Identifier: Apache-2.0
#include "daemon/page.h"

#include <array>

#include "daemon/page_files.h"

namespace coroscope::daemon {
namespace {

struct PageFile {
  std::string_view path;
  std::string_view type;
  const std::string_view* text;
};

constexpr std::array<PageFile, 4> page_parts = {{
    {"/", "text/html; charset=utf-8", &page_html},
    {"/ui/page.css", "text/css; charset=utf-8", &page_css},
    {"/ui/page.js", "text/javascript; charset=utf-8", &page_js},
    {"/ui/icon.svg", "image/svg+xml", &page_icon},
}};

// Nothing but its own files, its daemon's API, and no page around it.
constexpr const char* page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PageFile* file_of(const Request& request) {
  for (const PageFile& file : page_parts) {
    if (request.path == file.path) return &file;
  }
  return nullptr;
}

}  // namespace

// What / says to others than browsers is no page.
bool is_page(const Request& request) {
  return file_of(request) != nullptr && (request.path != "/" || request.browser);
}

Response page_answer(const Request& request) {
  const PageFile* file = file_of(request);
  if (file == nullptr) return {404, "text/plain; charset=utf-8", "there is no such file\n"};
  return {200,
          std::string(file->type),
          std::string(*file->text),
          {{"Content-Security-Policy", page_policy},
           {"Referrer-Policy", "no-referrer"},
           {"X-Frame-Options", "DENY"},
           {"Cross-Origin-Opener-Policy", "same-origin"},
           {"Cross-Origin-Resource-Policy", "same-origin"},
           {"Vary", "Accept"}}};
}

}  // namespace coroscope::daemon
