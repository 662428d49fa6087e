// SPDX-License-Identifier: Apache-2.0
#include "daemon/process_facts.h"

#include <gtest/gtest.h>

#include "daemon/view.h"

namespace coroscope::daemon {
namespace {

TEST(Cgroup, IsThatOfTheUnifiedHierarchy) {
  EXPECT_EQ(parse_cgroup("0::/system.slice/a.service\n"), "/system.slice/a.service");
  EXPECT_EQ(parse_cgroup("4:cpu,cpuacct:/x\n1:name=systemd:/user.slice\n0::/\n"), "/user.slice");
  EXPECT_EQ(parse_cgroup("4:cpu:/x\n"), "/x");
  EXPECT_EQ(parse_cgroup("0::/\n"), "/");
  EXPECT_EQ(parse_cgroup(""), "/");
  EXPECT_EQ(parse_cgroup("nonsense\n::\n"), "/");
  EXPECT_EQ(parse_cgroup("0::/a:b\n"), "/a:b") << "a path may have colons";
}

TEST(Container, IsNamedByItsCgroup) {
  const std::string id(64, 'a');
  const std::string inner(64, 'b');
  EXPECT_EQ(container_in("/docker/" + id), id);
  EXPECT_EQ(container_in("/system.slice/docker-" + id + ".scope"), id);
  EXPECT_EQ(container_in("/kubepods/pod1/cri-containerd-" + id + ".scope"), id);
  EXPECT_EQ(container_in("/docker/" + id + "/docker/" + inner), inner);
  EXPECT_EQ(container_in("/docker/" + id + "a"), "") << "65 digits are no id";
  EXPECT_EQ(container_in("/user.slice"), "");
  EXPECT_EQ(container_in(""), "");
}

TEST(Labels, ArePairsWithCommasBetween) {
  using Labels = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(parse_labels("team=pay,env=prod"), (Labels{{"team", "pay"}, {"env", "prod"}}));
  EXPECT_EQ(parse_labels("a=,=b,c,,d=e=f"), (Labels{{"a", ""}, {"d", "e=f"}}));
  EXPECT_EQ(parse_labels(""), Labels{});
  std::string many;
  for (int i = 0; i < 100; ++i) many += "k=v,";
  EXPECT_EQ(parse_labels(many).size(), 16u);
  EXPECT_EQ(parse_labels("k=" + std::string(1000, 'v')), Labels{});
}

TEST(Service, IsTheSameAfterARestart) {
  ProcessFacts facts;
  facts.name = "order_server";
  facts.command_line = "order_server --port 8080";
  facts.user = "www";
  facts.cgroup = "/system.slice/orders.service";
  const Service before = service_of(facts, "");
  EXPECT_EQ(before.name, "order_server");
  facts.command_line = "order_server --port 8081";
  EXPECT_EQ(service_of(facts, "").id, before.id);
  facts.cgroup = "/system.slice/other.service";
  EXPECT_NE(service_of(facts, "").id, before.id);
  // Each deploy of a container has another id, and another cgroup.
  facts.container = std::string(64, 'a');
  facts.cgroup = "/docker/" + facts.container;
  const Service contained = service_of(facts, "orders");
  EXPECT_EQ(contained.name, "orders");
  facts.container = std::string(64, 'b');
  facts.cgroup = "/docker/" + facts.container;
  EXPECT_EQ(service_of(facts, "orders").id, contained.id);
}

TEST(StackId, IsOfFunctionsAndFilesAlone) {
  ReportedFrame frame;
  frame.function = "query_all";
  frame.file = "orders.cpp";
  frame.line = 32;
  frame.address = 0x1000;
  const std::string id = stack_id({frame});
  EXPECT_EQ(id.size(), 12u);
  frame.line = 33;
  frame.address = 0x2000;
  EXPECT_EQ(stack_id({frame}), id) << "the next version is the same place";
  frame.function = "query_one";
  EXPECT_NE(stack_id({frame}), id);
  EXPECT_NE(stack_id({frame, frame}), stack_id({frame}));
}

}  // namespace
}  // namespace coroscope::daemon
