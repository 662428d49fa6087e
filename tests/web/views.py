# SPDX-License-Identifier: Apache-2.0
"""What the views show, of real processes."""

import gzip
import json
import time

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select
from setting import PageTest, ask


class Processes(PageTest):
    def rows(self):
        return [row.text for row in self.all("table[aria-label=processes] tbody tr")]

    def test_are_listed_and_found(self):
        leaking, steady = self.processes.target("leak", "--rate", "50"), self.processes.target("steady")
        url, _ = self.processes.daemon()
        self.open(url)
        self.wait("both, and that one grows", lambda: len(self.rows()) == 2 and any("+5" in row or "+4" in row for row in self.rows()))
        self.wait("a fault", lambda: "1 fault" in self.rows()[0] and str(leaking.pid) in self.rows()[0])
        self.picture("processes")

        self.click(lambda: self.page.find_element(By.XPATH, "//button[contains(., 'Live')]"))
        self.click(lambda: self.page.find_element(By.XPATH, "//button[contains(., 'Live')]"))
        self.wait("the least first", lambda: str(steady.pid) in self.rows()[0])
        self.one("#query").send_keys("steady")
        self.wait("one of them", lambda: len(self.rows()) == 1 and str(steady.pid) in self.rows()[0])
        self.one("#query").send_keys(Keys.ESCAPE)
        self.wait("both again", lambda: len(self.rows()) == 2)

        self.click(lambda: self.all(f"a[href='#/process/{leaking.pid}']")[0])
        self.says(f"pid {leaking.pid}", "spawned at")
        self.assertTrue(self.page.current_url.endswith(f"#/process/{leaking.pid}"))
        self.page.back()
        self.wait("the list", lambda: len(self.rows()) == 2)

    def test_that_can_not_be_watched_say_why(self):
        self.processes.target("version", program="corrupt_table")
        url, _ = self.processes.daemon()
        self.open(url)
        self.says("not watched", "corrupt_table", "version")

    def test_of_which_too_little_is_seen_say_so(self):
        target = self.processes.target("odd_sequence", program="corrupt_table")
        url, _ = self.processes.daemon()
        self.open(url)
        self.wait("that verdicts are withheld", lambda: any("withheld" in row and "below 95.00%" in row for row in self.rows()))
        self.go(f"#/process/{target.pid}")
        self.says("verdicts are withheld", "lost:", "torn")
        self.go("#/verdicts")
        self.says("withheld of corrupt_table")

    def test_of_many_coroutines_have_a_trend_that_can_be_seen(self):
        target = self.processes.target("steady", "--rate", "1000")
        url, _ = self.processes.daemon()
        self.open(url, f"#/process/{target.pid}")
        lowest = lambda: self.all(".chart .grid text")[0].text
        self.wait("an axis from 0", lambda: lowest() == "0")
        self.click(lambda: self.one(".from-zero"))
        self.wait("an axis that begins elsewhere", lambda: int(lowest()) > 0)
        self.click(lambda: self.one(".from-zero"))
        self.wait("an axis from 0", lambda: lowest() == "0")

    def test_that_end_are_gone(self):
        self.expected_errors = ("status of 404",)  # it may end between two questions
        target = self.processes.target("steady")
        url, _ = self.processes.daemon()
        self.open(url, f"#/process/{target.pid}")
        self.says("what they do")
        target.kill()
        self.says("no such process is watched")


class Leak(PageTest):
    def setUp(self):
        super().setUp()
        self.target = self.processes.target("leak", "--rate", "100")
        self.address, _ = self.processes.daemon()

    def test_is_told_with_cause_fix_stacks_and_evidence(self):
        self.open(self.address, "#/verdicts")
        self.says("leak", "chan send, no receiver", "usual fix", "receive all that is sent", "send_for_ever", "leak_ramp.cpp:")
        self.assertNotIn("coro_switch", self.text())
        self.click(lambda: self.page.find_element(By.XPATH, "//summary[contains(., 'of the runtime')]"))
        self.says("coro_switch")
        self.click(lambda: self.page.find_element(By.XPATH, "//summary[contains(., 'evidence')]"))
        self.says("growth:", "nats")
        self.picture("verdicts")

    def test_is_a_line_that_rises(self):
        self.open(self.address, f"#/process/{self.target.pid}")
        self.one(".finding.leak")
        self.wait("its stack's line", lambda: self.all(".chart path.line0"))
        # Of heights of a line, upside down: the last is higher than the first.
        heights = "return document.querySelector('.chart path.line0').getAttribute('d').match(/[\\d.]+ [\\d.]+/g).map((one) => Number(one.split(' ')[1]))"
        self.wait("a line that rises", lambda: self.page.execute_script(heights)[0] - self.page.execute_script(heights)[-1] > 40)
        self.says("start_stuck leak_ramp.cpp")
        canvas = self.one(".chart .canvas")
        said = canvas.get_attribute("aria-valuetext")
        canvas.send_keys(Keys.HOME)
        self.wait("the first moment to be read", lambda: self.one(".chart .canvas").get_attribute("aria-valuetext") not in (said, None))
        self.picture("process")

    def test_can_be_downloaded_as_a_profile(self):
        self.open(self.address, f"#/process/{self.target.pid}")
        self.click(lambda: self.link("profile for go tool pprof"))
        path = self.processes.folder / f"coroutines-{self.target.pid}.pb.gz"
        self.wait("the file", path.exists)
        with gzip.open(path) as profile:
            self.assertIn(b"send_for_ever", profile.read())

    def test_is_found_by_a_function_it_waits_in(self):
        self.open(self.address)
        self.one("#query").send_keys("start_stuck", Keys.ENTER)
        self.says("search: start_stuck", "stacks 1")
        self.assertIn("start_stuck", [mark.text for mark in self.all(".stack mark")])
        self.one("#query").clear()
        self.one("#query").send_keys("no_such_function")
        self.says("nothing has that in it")
        self.one("#query").clear()
        self.one("#query").send_keys("leak_ramp SEND")
        self.says("verdicts 1")
        self.picture("search")


class FlameGraph(PageTest):
    def setUp(self):
        super().setUp()
        self.target = self.processes.target("leak", "--rate", "100")
        self.address, _ = self.processes.daemon()

    def boxes(self):
        return [box.get_attribute("aria-label") for box in self.all("#flame .box")]

    def test_of_now_can_be_zoomed(self):
        self.open(self.address, "#/flame")
        self.wait("the process to choose", lambda: len(Select(self.one("#whose")).options) == 2)
        Select(self.one("#whose")).select_by_index(1)
        self.wait("its stacks", lambda: any(label.startswith("start_stuck leak_ramp.cpp") for label in self.boxes()))
        self.assertFalse(any("coro::" in label for label in self.boxes()))
        self.click(lambda: self.one("#with-runtime"))
        self.wait("frames of the runtime", lambda: any("coro::" in label for label in self.boxes()))
        self.click(lambda: self.one("#with-runtime"))
        self.click(lambda: next(box for box in self.all("#flame .box") if box.text.startswith("start_stuck")))
        self.wait("it at full width", lambda: len(self.all("#flame .box.above")) >= 2)
        self.click(lambda: self.page.find_element(By.XPATH, "//button[.='Show all']"))
        self.wait("all again", lambda: not self.all("#flame .box.above"))
        self.one("#highlight").send_keys("start_")
        self.says("coroutines match")
        self.assertTrue(self.all("#flame .box.found"))
        self.picture("flame")

    def test_of_two_moments_shows_what_grew(self):
        self.open(self.address, f"#/flame?pid={self.target.pid}")
        self.wait("two moments", lambda: self.all("#moment-time") and int(self.one("#moment-time").get_attribute("max")) >= 2)
        self.click(lambda: self.one("#compare"))
        grown = lambda: [box for box in self.all("#flame.diff .box") if "start_stuck" in box.text and "+" in box.text]
        self.wait("growth", grown)
        red, _, blue = self.page.execute_script("""
            const context = document.createElement('canvas').getContext('2d');
            context.fillStyle = getComputedStyle(arguments[0]).backgroundColor;
            context.fillRect(0, 0, 1, 1);
            return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);""", grown()[0])
        self.assertGreater(red, blue + 60, "what grows is red")
        self.says("what has changed", "before", "after")
        self.assertIn("before=", self.page.current_url)
        self.picture("diff")


class History(PageTest):
    def begin(self):
        self.address, self.daemon = self.processes.daemon(service="shop", history=True)

    def history(self):
        status, _, text = ask(self.address + "/api/v1/services/shop/history")
        return json.loads(text) if status == 200 else {"samples": [], "instances": [], "gaps": []}

    def test_has_gaps_and_deploys(self):
        first = self.processes.target("steady")
        self.begin()
        self.wait("samples of the first", lambda: len(self.history()["samples"]) >= 4)
        self.daemon.kill()
        self.daemon.wait()
        killed = time.time()
        self.wait("a gap that is long enough to be seen", lambda: time.time() > killed + 3)
        self.begin()
        self.wait("a gap, and samples after it", lambda: self.history()["gaps"] and self.history()["samples"][-1]["time"] > self.history()["gaps"][0]["to"] + 1)
        first.terminate()
        second = self.processes.target(program="tenants")  # another program stands for another build
        self.wait("samples of the second", lambda: sum(one["instance"] == self.history()["instances"][-1]["instance"] for one in self.history()["samples"]) >= 5
                  and len(self.history()["instances"]) == 2)

        self.open(self.address, f"#/process/{second.pid}")
        self.says("of the service, from the daemon", "nothing is known")
        self.assertEqual(len(self.all(".chart .gap:not(.swatch)")), 1)
        self.assertEqual([mark.text for mark in self.all(".chart .deploy text")], ["deploy " + self.history()["instances"][1]["build_id"][:8]])
        lines = [path.get_attribute("d") for path in self.all(".chart path.total")]
        self.assertEqual([line.count("M") for line in lines], [2, 1], "the first is interrupted by the gap, and no line leads to the second")
        self.picture("history-process")
        self.wait("growth", lambda: any(one["grows_since"] for one in self.history()["stacks"]))
        self.says("tenants.cpp:", "grows by +", "since")
        self.click(lambda: self.link("the service and its instances"))
        self.says("instances", "events", "attached", "gaps", "the daemon was killed", str(first.pid), str(second.pid))
        self.picture("history-service")
        self.window(360, 740)
        self.says("the daemon was killed")
        self.assertLessEqual(self.page.execute_script("return document.scrollingElement.scrollWidth"), 360)
        self.picture("phone-history")

    def test_is_compared_at_two_moments(self):
        self.processes.target("leak", "--rate", "100")
        self.begin()
        self.wait("samples", lambda: len(self.history()["samples"]) >= 6)
        samples = self.history()["samples"]
        view = f"#/flame?service={self.history()['service_id']}&before={samples[1]['time']}&time={samples[5]['time']}"
        self.open(self.address, view)
        grown = samples[5]["live"] - samples[1]["live"]
        self.wait("what grew", lambda: [box for box in self.all("#flame.diff .box") if box.text == f"start_stuck +{grown}"])
        self.assertEqual({mark.text for mark in self.all(".chart .mark text")}, {"before", "after"})
        self.picture("history-diff")
        self.page.refresh()
        self.wait("the same again", lambda: [box for box in self.all("#flame.diff .box") if box.text == f"start_stuck +{grown}"])
        self.one("#moment-before").send_keys(Keys.ARROW_RIGHT)
        less = samples[5]["live"] - samples[2]["live"]
        self.wait("less, from a later moment", lambda: [box for box in self.all("#flame.diff .box") if box.text == f"start_stuck +{less}"])
        self.assertIn(f"before={samples[2]['time']}", self.page.current_url)
