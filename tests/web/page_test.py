# SPDX-License-Identifier: Apache-2.0
"""The daemon's page, in a real browser, on real processes: with a mouse, with keys alone, on a phone."""

import argparse
import datetime
import gzip
import json
import os
import signal
import sys
import time
import unittest

import setting
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


class Keyboard(PageTest):
    def press(self, *keys):
        self.focused().send_keys(*keys)

    def test_are_enough(self):
        target, other = self.processes.target("leak", "--rate", "50"), self.processes.target("steady")
        url, _ = self.processes.daemon(service="orders")
        self.open(url)
        self.wait("both", lambda: len(self.all("table[aria-label=processes] tbody tr")) == 2)
        self.press("/")
        self.assertEqual(self.focused().get_attribute("id"), "query")
        self.press("leak --rate")
        self.wait("the other to be left out", lambda: str(other.pid) not in self.text())
        self.press(Keys.ARROW_DOWN)
        self.wait("its link to have the keyboard", lambda: self.focused().get_attribute("href").endswith(f"/process/{target.pid}"))
        outline = self.page.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
        self.assertNotEqual(outline, "none", "who has the keyboard is seen")
        self.press(Keys.ENTER)
        self.says(f"pid {target.pid}", "what they do")
        self.press("2")
        self.says("chan send, no receiver")
        self.press(Keys.ARROW_DOWN)
        self.wait("the verdict to have the keyboard", lambda: "finding" in self.focused().get_attribute("class"))
        self.press("3")
        self.says("choose a process")
        for _ in range(20):
            if self.focused().get_attribute("id") == "whose":
                break
            self.press(Keys.TAB)
        self.press("orders")
        self.wait("boxes", lambda: self.all("#flame .box"))
        for _ in range(40):
            if self.focused().get_attribute("role") == "treeitem":
                break
            self.press(Keys.TAB)
        self.press(Keys.ARROW_DOWN)
        self.wait("the next frame", lambda: self.focused().get_attribute("aria-level") == "2")
        first = self.focused().text
        self.press(Keys.ENTER)
        self.wait("it at full width", lambda: self.all("#flame .box.above") and self.focused().text == first)
        self.press(Keys.BACKSPACE)
        self.wait("all again", lambda: not self.all("#flame .box.above"))
        self.press("?")
        self.wait("what keys do", lambda: self.one("#help").is_displayed())
        self.press(Keys.ESCAPE)
        self.wait("that to go", lambda: not self.one("#help").is_displayed())
        self.press("p")
        self.says("paused")
        self.press("p")
        self.says("live · as of")

    def test_stay_where_they_are_when_figures_change(self):
        target = self.processes.target("leak", "--rate", "100")
        url, _ = self.processes.daemon()
        self.open(url)
        self.one(f"a[href='#/process/{target.pid}']").send_keys("")
        self.press(Keys.ARROW_DOWN)
        before = self.one("main td strong").text
        self.wait("another figure", lambda: self.one("main td strong").text != before)
        self.assertTrue((self.focused().get_attribute("href") or "").endswith(f"/process/{target.pid}"))


class Looks(PageTest):
    VIEWS = ("#/", "#/process/{pid}", "#/verdicts", "#/flame?pid={pid}", "#/search?q=start")

    def setUp(self):
        super().setUp()
        self.target = self.processes.target("leak", "--rate", "100")
        self.processes.target("odd_sequence", program="corrupt_table")
        self.address, _ = self.processes.daemon()

    def each_view(self):
        self.open(self.address, "#/verdicts")
        self.says("chan send, no receiver")
        for view in self.VIEWS:
            self.go(view.format(pid=self.target.pid))
            self.wait(f"{view} to be drawn", lambda: len(self.all("main > *")) >= 2)
            if "flame" in view:
                self.wait("boxes", lambda: self.all("#flame .box"))
            if "process/" in view:
                self.one(".chart svg")
            yield view.split("/")[1].split("?")[0] or "processes"

    def test_fits_a_phone(self):
        self.window(360, 740)
        for name in self.each_view():
            width, seen = self.page.execute_script("return [document.scrollingElement.scrollWidth, innerWidth]")
            self.assertLessEqual(width, seen, f"{name} scrolls sideways")
            self.assertEqual(seen, 360)
            self.picture(f"phone-{name}")

    def test_is_dark_where_that_is_wanted(self):
        self.scheme("dark")
        for name in self.each_view():
            red, green, blue = self.page.execute_script(
                "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)")
            self.assertLess(red + green + blue, 150)
            self.check_contrast(name)
            self.picture(f"dark-{name}")

    def test_can_be_read_in_light(self):
        self.scheme("light")
        for name in self.each_view():
            self.check_contrast(name)

    def check_contrast(self, name):
        """Every text has the contrast that WCAG 2.1 AA asks for: 4.5, or 3 if it is large."""
        faint = self.page.execute_script(CONTRAST)
        self.assertEqual(faint, [], f"in {name}")


CONTRAST = """
const context = Object.assign(document.createElement('canvas'), {width: 1, height: 1}).getContext('2d', {willReadFrequently: true});
const over = (colours) => {
  context.fillStyle = 'white';
  context.fillRect(0, 0, 1, 1);
  for (const colour of colours) {
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
  }
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
const light = (colour) => {
  const [r, g, b] = colour.map((one) => one / 255).map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const faint = [];
for (const element of document.querySelectorAll('body *')) {
  const own = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join('');
  // Boxes above a zoomed one and disabled buttons are meant to step back.
  if (own === '' || !element.checkVisibility() || element.disabled || element.closest('svg, noscript, option')) continue;
  const backs = [];
  for (let at = element; at !== null; at = at.parentElement) backs.unshift(getComputedStyle(at).backgroundColor);
  const style = getComputedStyle(element);
  const [text, back] = [light(over([...backs, style.color])), light(over(backs))];
  const contrast = (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  if (contrast < (large ? 3 : 4.5)) faint.push(own + ': ' + contrast.toFixed(2));
}
return faint;
"""


class Safety(PageTest):
    def hostile_program(self):
        """leak_ramp, with a file and a function that are called as markup is: names of the same length.
        What is between < and > of a function is left out as arguments of a template."""
        path = self.processes.folder / "hostile"
        with open(f"{setting.options.programs}/leak_ramp", "rb") as program:
            code = program.read()
        self.assertIn(b"start_stuck", code)
        self.assertIn(b"leak_ramp.cpp", code)
        path.write_bytes(code.replace(b"start_stuck", b"&lt;hack&gt").replace(b"leak_ramp.cpp", b"<img src=a:b>"))
        os.chmod(path, 0o755)
        return path

    def test_what_targets_say_is_text(self):
        image = "<img src=x onerror=window.owned=1>"
        self.processes.target("leak", "--rate", "100", program=image, executable=self.hostile_program())
        url, _ = self.processes.daemon(service="<script>window.owned=1</script>", history=True)
        self.open(url)
        self.says(image, "<script>window.owned=1</script>")
        self.says("services in the history")
        self.click(lambda: self.all("table[aria-label='services in the history'] td a")[0])
        self.says("&lt;hack&gt <img src=a:b>:", "instances")
        self.assertEqual(self.all("main img, main hack, main script"), [])
        self.page.back()
        self.click(lambda: self.all("main td a")[0])
        self.says("&lt;hack&gt <img src=a:b>:", "chan send")
        for view, text in (("#/verdicts", "<img src=a:b>"), ("#/flame?pid=" + self.page.current_url.split("/")[-1], "&lt;hack&gt"),
                           ("#/search?q=%3Cimg", "<img src=a:b>"), ("#/search?q=<img src=y onerror=owned=1>", "<img src=y"),
                           ("#/process/<img src=z onerror=owned=1>", "<img src=z")):
            self.go(view)
            self.says(text)
            self.assertEqual(self.all("main img, main hack, main script"), [], view)
        self.assertIsNone(self.page.execute_script("return window.owned ?? null"))
        self.picture("hostile")

    # Chromium says in the console what the policy has refused.
    expected_errors = ("Content Security Policy", "status of 404")

    def test_nothing_comes_from_elsewhere(self):
        self.processes.target("steady")
        url, _ = self.processes.daemon()
        other, _ = self.processes.daemon()
        self.open(url)
        self.says("leak_ramp")
        for view in ("#/verdicts", "#/flame", "#/search?q=a"):
            self.go(view)
            self.wait(view, lambda: len(self.all("main > *")) >= 2)
        asked = self.page.execute_script("return performance.getEntriesByType('resource').map((one) => one.name)")
        self.assertTrue(any(name.endswith("/ui/page.js") for name in asked))
        self.assertEqual([name for name in asked if not name.startswith(url + "/")], [])

        refused = self.page.execute_async_script("""
            const [other, done] = arguments;
            const refused = [];
            addEventListener('securitypolicyviolation', (event) => {
              refused.push(event.effectiveDirective);
              if (refused.length === 4) done(refused.sort());
            });
            document.head.append(Object.assign(document.createElement('script'), {textContent: 'window.owned = 1'}));
            document.head.append(Object.assign(document.createElement('script'), {src: other + '/ui/page.js'}));
            document.body.append(Object.assign(new Image(), {src: other + '/ui/icon.svg'}));
            fetch(other + '/api/v1/processes').catch(() => {});""", other)
        self.assertEqual(refused, ["connect-src", "img-src", "script-src-elem", "script-src-elem"])
        self.assertIsNone(self.page.execute_script("return window.owned ?? null"))

    def test_its_headers_permit_only_itself(self):
        url, _ = self.processes.daemon()
        browser = {"Accept": "text/html,application/xhtml+xml"}
        status, headers, text = ask(url + "/", **browser)
        self.assertEqual((status, headers["Content-Type"]), (200, "text/html; charset=utf-8"))
        self.assertIn("<!doctype html>", text)
        policy = headers["Content-Security-Policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertIn("frame-ancestors 'none'", policy)
        self.assertNotIn("unsafe", policy)
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(headers["X-Frame-Options"], "DENY")
        self.assertEqual(headers["Referrer-Policy"], "no-referrer")
        status, headers, text = ask(url + "/")
        self.assertEqual((status, headers["Content-Type"]), (200, "text/plain; charset=utf-8"))
        self.assertTrue(text.startswith("coroscope serve\n"))
        self.assertEqual(ask(url + "/ui/none.js")[0], 404)
        self.assertEqual(ask(url + "/", Host="evil.example", **browser)[0], 403)


class Token(PageTest):
    expected_errors = ("status of 401",)

    def setUp(self):
        super().setUp()
        file = self.processes.folder / "token"
        file.write_text("s3cret\n", encoding="utf-8")
        self.target = self.processes.target("steady")
        self.address, _ = self.processes.daemon(http=f'token_file = "{file}"')

    def test_is_asked_for_and_kept_for_the_tab(self):
        self.open(self.address)
        self.says("a token is needed")
        self.assertNotIn("leak_ramp", self.text())
        self.picture("token")
        self.one("#token").send_keys("wrong", Keys.ENTER)
        self.says("did not accept this token")
        self.one("#token").clear()
        self.one("#token").send_keys("s3cret")
        self.click(lambda: self.page.find_element(By.XPATH, "//button[.='Use it']"))
        self.says("leak_ramp", "live · as of")
        self.assertNotIn("s3cret", self.page.current_url)
        self.page.refresh()
        self.says("leak_ramp")
        self.assertEqual(self.page.execute_script("return Object.keys(localStorage).length + document.cookie.length"), 0)

        self.go(f"#/process/{self.target.pid}")
        self.click(lambda: self.link("each coroutine, as text"))
        self.wait("a download that sends it", (self.processes.folder / f"coroutines-{self.target.pid}.2.txt").exists)
        self.click(lambda: self.one("#forget"))
        self.says("a token is needed")
        self.assertNotIn("leak_ramp", self.text())

    def test_is_needed_for_all_that_tells_anything(self):
        browser = {"Accept": "text/html"}
        for path in ("/", "/ui/page.css", "/ui/page.js", "/ui/icon.svg"):
            status, _, text = ask(self.address + path, **browser)
            self.assertEqual(status, 200, path)
            self.assertNotIn("leak_ramp", text)
        for path in ("/api/v1/processes", "/api/v1/verdicts", f"/api/v1/processes/{self.target.pid}", "/metrics", "/healthz", "/readyz",
                     "/api/v1/services", f"/debug/pprof/goroutine?pid={self.target.pid}", "/ui/", "/ui/../metrics", "//", "/none", "/ui/page.js/../../metrics"):
            self.assertEqual(ask(self.address + path, **browser)[0], 401, path)
        self.assertEqual(ask(self.address + "/")[0], 401, "not a browser")
        self.assertEqual(ask(self.address + "/api/v1/processes", Authorization="Bearer s3cret")[0], 200)


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


class Absence(PageTest):
    expected_errors = ("net::ERR_",)

    def test_of_the_daemon_is_told(self):
        self.processes.target("steady")
        url, daemon = self.processes.daemon()
        self.open(url)
        self.says("leak_ramp", "live · as of")
        daemon.send_signal(signal.SIGSTOP)
        self.says("the daemon does not answer", "what is shown is from", "no data")
        self.picture("absent")
        daemon.send_signal(signal.SIGCONT)
        self.wait("it to be there again", lambda: "does not answer" not in self.text())
        daemon.terminate()
        self.says("the daemon does not answer", "leak_ramp")

    def test_of_a_reader_is_no_reason_to_ask(self):
        self.processes.target("steady")
        url, _ = self.processes.daemon()
        self.open(url)
        self.says("live · as of")
        asked = "return performance.getEntriesByType('resource').length"
        self.click(lambda: self.one("#pause"))
        self.says("paused")
        self.later(url, 2)  # what was under way has arrived
        before = self.page.execute_script(asked)
        self.later(url, 6)
        self.assertEqual(self.page.execute_script(asked), before)

    def later(self, url, seconds):
        """Once the daemon has looked for so long."""
        looked = lambda: datetime.datetime.fromisoformat(json.loads(ask(url + "/api/v1/processes")[2])["time"].rstrip("Z"))
        begin = looked()
        self.wait("later looks", lambda: looked() - begin > datetime.timedelta(seconds=seconds))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("coroscope", "programs", "pictures"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("tests", nargs="*", help="as of unittest: Leak, Token.test_...")
    setting.options = parser.parse_args()
    program = unittest.main(argv=[sys.argv[0], "-v", *setting.options.tests], exit=False, warnings="ignore")
    sys.exit(0 if program.result.testsRun > 0 and program.result.wasSuccessful() and not program.result.skipped else 1)


if __name__ == "__main__":
    main()
