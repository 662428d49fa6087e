// SPDX-License-Identifier: Apache-2.0
// The files in page/, as the build puts them into the command.
#pragma once

#include <string_view>

namespace coroscope::daemon {

extern const std::string_view page_html;
extern const std::string_view page_css;
extern const std::string_view page_js;  // all scripts, in the order of CMakeLists.txt
extern const std::string_view page_icon;

}  // namespace coroscope::daemon
