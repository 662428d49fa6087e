// SPDX-License-Identifier: Apache-2.0
// What `coroscope history` prints for people.
#pragma once

#include <string>
#include <vector>

#include "history/query.h"

namespace coroscope {

std::string services_text(const std::vector<history::KnownService>& services);
std::string window_text(const history::Window& window);
std::string moment_text(const history::Moment& moment);
// Place by place, what changed most first.
std::string change_text(const history::Moment& before, const history::Moment& after);

}  // namespace coroscope
