// SPDX-License-Identifier: Apache-2.0
#include "history/database.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "history/schema.h"

namespace coroscope::history {
namespace {

int pragma(SQLite::Database& database, const char* name) {
  return database.execAndGet(fmt::format("PRAGMA {}", name)).getInt();
}

// Text as a part of a URI, see https://sqlite.org/uri.html.
std::string escaped(const std::string& path) {
  std::string text;
  for (const char c : path) {
    if (c == '?' || c == '#' || c == '%') {
      text += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    } else {
      text += c;
    }
  }
  return text;
}

std::unique_ptr<SQLite::Database> open_file(const std::string& path) {
  auto database = std::make_unique<SQLite::Database>(path, SQLite::OPEN_READONLY, patience_ms);
  pragma(*database, "schema_version");  // reads it, for the first time
  return database;
}

// What was written last may not be in the file itself yet.
bool has_more_beside(const std::string& path) {
  std::error_code none;
  const auto size = std::filesystem::file_size(path + "-wal", none);
  return !none && size > 0;
}

// What can not be shared with a writer needs nothing written beside it.
std::unique_ptr<SQLite::Database> open_alone(const std::string& path) {
  return std::make_unique<SQLite::Database>("file:" + escaped(path) + "?immutable=1",
                                            SQLite::OPEN_READONLY | SQLite::OPEN_URI, patience_ms);
}

}  // namespace

Error error_of(const SQLite::Exception& exception, const std::string& what,
               const std::string& path) {
  const int code = exception.getErrorCode();
  const char* advice = code == SQLITE_CORRUPT || code == SQLITE_NOTADB
                           ? "; move it away, and a new one is begun"
                           : "";
  return {ErrorKind::environment,
          fmt::format("cannot {} the history {}: {}{}", what, path, exception.what(), advice)};
}

Result<void> check_is_history(SQLite::Database& database, const std::string& path) {
  if (pragma(database, "application_id") != application_id) {
    return Error{ErrorKind::environment,
                 fmt::format("{} is a database, but no history of coroscope", path)};
  }
  const int version = pragma(database, "user_version");
  if (version == schema_version) return {};
  return Error{
      ErrorKind::environment,
      fmt::format("the history {} is of version {}, and this coroscope reads {}; move it away, or "
                  "use the other coroscope",
                  path, version, schema_version)};
}

Result<std::unique_ptr<SQLite::Database>> open_to_read(const std::string& path) {
  if (::access(path.c_str(), R_OK) != 0) {
    return Error{ErrorKind::environment,
                 fmt::format("cannot read the history {}: {}", path, std::strerror(errno))};
  }
  try {
    std::unique_ptr<SQLite::Database> database;
    try {
      database = open_file(path);
    } catch (const SQLite::Exception& error) {
      if (error.getErrorCode() != SQLITE_CANTOPEN && error.getErrorCode() != SQLITE_READONLY) {
        throw;
      }
      if (has_more_beside(path)) {
        return Error{ErrorKind::environment,
                     fmt::format("cannot read the history {}: whoever reads what a daemon writes "
                                 "has to be able to write beside it; run as its user, or as root",
                                 path)};
      }
      database = open_alone(path);
    }
    if (auto is = check_is_history(*database, path); !is) return is.error();
    return database;
  } catch (const SQLite::Exception& error) {
    return error_of(error, "read", path);
  }
}

}  // namespace coroscope::history
