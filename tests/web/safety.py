# SPDX-License-Identifier: Apache-2.0
"""What must not happen: targets that are taken for markup, others who are asked, data without a token, silence."""

import datetime
import json
import os
import signal

import setting
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from setting import PageTest, ask


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
        for path in ("/api/v1/processes", "/api/v1/verdicts", f"/api/v1/processes/{self.target.pid}", "/metrics",
                     "/api/v1/services", f"/debug/pprof/goroutine?pid={self.target.pid}", "/ui/", "/ui/../metrics", "//", "/none", "/ui/page.js/../../metrics"):
            self.assertEqual(ask(self.address + path, **browser)[0], 401, path)
        self.assertEqual(ask(self.address + "/")[0], 401, "not a browser")
        self.assertEqual(ask(self.address + "/api/v1/processes", Authorization="Bearer s3cret")[0], 200)


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
