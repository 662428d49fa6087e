// SPDX-License-Identifier: Apache-2.0
// For what reads and writes the history: opening it, and errors in words.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <memory>
#include <string>

#include "util/result.h"

namespace coroscope::history {

// One that somebody else writes to is waited for so long.
inline constexpr int patience_ms = 5000;

// "cannot <what> /var/lib/...: disk I/O error"
Error error_of(const SQLite::Exception& exception, const std::string& what,
               const std::string& path);

// Throws SQLite::Exception if it is damaged. Error: environment; it is no history, or of another
// version.
Result<void> check_is_history(SQLite::Database& database, const std::string& path);

// To read, also from where nothing may be written. Error: environment.
Result<std::unique_ptr<SQLite::Database>> open_to_read(const std::string& path);

}  // namespace coroscope::history
