// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "image_input.h"

namespace coroscope::fuzz {

// By the name of its file.
using Seeds = std::map<std::string, std::vector<Record>>;

Seeds table_seeds();
Seeds modules_seeds();

}  // namespace coroscope::fuzz
