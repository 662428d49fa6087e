// SPDX-License-Identifier: Apache-2.0
#include "daemon/openmetrics.h"

#include <gtest/gtest.h>

namespace coroscope::daemon {
namespace {

TEST(OpenMetrics, HasTheSameSamples) {
  EXPECT_EQ(openmetrics_of("# HELP a_total What a # is.\n"
                           "# TYPE a_total counter\n"
                           "a_total{b=\"# TYPE c_total counter\"} 1\n"
                           "# HELP d_seconds D.\n"
                           "# TYPE d_seconds histogram\n"
                           "d_seconds_bucket{le=\"+Inf\"} 2\n"
                           "# HELP e_bytes_total E.\n"
                           "# TYPE e_bytes_total counter\n"
                           "e_bytes_total 3\n"),
            "# HELP a What a # is.\n"
            "# TYPE a counter\n"
            "a_total{b=\"# TYPE c_total counter\"} 1\n"
            "# HELP d_seconds D.\n"
            "# TYPE d_seconds histogram\n"
            "# UNIT d_seconds seconds\n"
            "d_seconds_bucket{le=\"+Inf\"} 2\n"
            "# HELP e_bytes E.\n"
            "# TYPE e_bytes counter\n"
            "# UNIT e_bytes bytes\n"
            "e_bytes_total 3\n"
            "# EOF\n");
  EXPECT_EQ(openmetrics_of(""), "# EOF\n");
}

TEST(OpenMetrics, IsForWhoWantsIt) {
  for (const char* accept :
       {"application/openmetrics-text",
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
        "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "text/plain; q=0.3 , application/openmetrics-text ; version=1.0.0 ; q=0.5"}) {
    EXPECT_TRUE(wants_openmetrics(accept)) << accept;
  }
  for (const char* accept :
       {"", "*/*", "text/plain", "text/html,application/xhtml+xml,*/*;q=0.8",
        ";;,,;q=", "application/openmetrics-text;q=0", "application/openmetrics-text;q=x",
        "text/plain,application/openmetrics-text;q=0.5", "application/openmetrics-textual"}) {
    EXPECT_FALSE(wants_openmetrics(accept)) << accept;
  }
}

}  // namespace
}  // namespace coroscope::daemon
