// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coro {

// What a coroutine is called, for people: a name, and labels (a key, a value).
// debug::dump shows them, the last words of a process that dies of a coroutine
// do, and an observer outside of the process can read them. A coroutine that has
// none pays for none.
//
// A coroutine begins with the labels that its parent has at that moment, and
// without a name, unless StartOptions give it some.
//
// Together they take at most 4096 bytes (CORO_ANNOTATION_MAX), one for the end of
// each text included, and no text may contain a NUL. The functions that set
// something throw UsageError where that is broken, and outside of a coroutine,
// and std::bad_alloc; they change nothing then.

// One label of StartOptions: key and value.
using Label = std::pair<std::string_view, std::string_view>;

// Names the calling coroutine; "" takes its name away.
void set_name(std::string_view name);

// Gives the calling coroutine a label; one with the same key is replaced. The
// key must not be empty.
void set_label(std::string_view key, std::string_view value);

// Takes a label away; no effect if there is none with that key.
void remove_label(std::string_view key);

// What the calling coroutine has; nothing outside of one. Labels are sorted by
// key.
[[nodiscard]] std::string current_name();
[[nodiscard]] std::vector<std::pair<std::string, std::string>> current_labels();

}  // namespace coro
