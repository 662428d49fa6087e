// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace coroscope {

// flame_graph.html, with its styles and scripts in it: made by the build.
extern const std::string_view flame_graph_page;

}  // namespace coroscope
