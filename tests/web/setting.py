# SPDX-License-Identifier: Apache-2.0
"""What the tests of the page have in common: real targets, the real daemon, and a real browser."""

import functools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest
import urllib.error
import urllib.request

from selenium import webdriver
from selenium.common.exceptions import ElementClickInterceptedException, NoSuchElementException, StaleElementReferenceException, TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE_S = 120  # a machine under load must not fail a test
# It may be drawn anew while it is looked at.
PASSING = (NoSuchElementException, StaleElementReferenceException, ElementClickInterceptedException, IndexError, StopIteration)
options = None  # of the command line


class Processes:
    """Targets and daemons of one test. They end with it."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="coroscope-web-"))
        self.children = []

    def start(self, name, command, environment=None, **more):
        with open(self.folder / f"{name}.log", "wb") as log:
            child = subprocess.Popen([str(word) for word in command], stderr=log, stdout=subprocess.PIPE,
                                     env={**os.environ, **(environment or {})}, **more)
        self.children.append(child)
        return child

    def target(self, *arguments, program="leak_ramp", executable=None):
        """A program of tests/programs, once it is ready."""
        path = executable or f"{options.programs}/{program}"
        child = self.start(f"target-{len(self.children)}", [program, *arguments],
                           {"COROSCOPE_LABELS": f"test={self.folder.name}"}, executable=str(path), stdin=subprocess.PIPE)
        assert child.stdout.readline() == b"ready\n", path
        return child

    def daemon(self, top="", http="", service=None, history=False):
        """Watches the targets of this test; its address, and the process."""
        config = self.folder / "serve.toml"
        named = f'[[watch]]\nlabel = "test={self.folder.name}"\n' + (f"service = {json.dumps(service)}\n" if service else "")
        config.write_text(f'interval = "250ms"\nscan = "200ms"\npatience = "5s"\n{top}\n[http]\n{http}\n'
            f'[history]\ninterval = "1s"\npath = "{self.folder / "history.db" if history else ""}"\n{named}', encoding="utf-8")
        child = self.start("daemon", [options.coroscope, "serve", "--config", config, "--listen", "127.0.0.1:0"])
        address = json.loads(child.stdout.readline())["address"]
        threading.Thread(target=child.stdout.read, daemon=True).start()
        return f"http://{address}", child

    def end(self):
        for child in reversed(self.children):
            child.send_signal(signal.SIGCONT)
            child.terminate()
        for child in self.children:
            try:
                child.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        shutil.rmtree(self.folder)


def browser(downloads):
    chosen = webdriver.ChromeOptions()
    chosen.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                     "--disable-background-networking", "--no-first-run", "--force-prefers-reduced-motion", "--lang=en-US"):
        chosen.add_argument(argument)
    chosen.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    chosen.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=chosen)


def ask(url, **headers):
    """Status, headers and text of an answer, whatever its status is."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=PATIENCE_S) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


class PageTest(unittest.TestCase):
    expected_errors = ()  # parts of console lines that belong to the test

    def setUp(self):
        self.processes = Processes()
        self.addCleanup(self.processes.end)
        self.page = browser(self.processes.folder)
        self.addCleanup(self.page.quit)
        self.window(1280, 900)

    def tearDown(self):
        severe = [line["message"] for line in self.page.get_log("browser") if line["level"] == "SEVERE"]
        # The page asks once whether there is a history.
        known = ("/api/v1/services - Failed to load resource: the server responded with a status of 404", *self.expected_errors)
        self.assertEqual([line for line in severe if not any(part in line for part in known)], [], "the console has errors")

    def window(self, width, height):
        self.page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                  {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def scheme(self, name):
        self.page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": name}]})

    def open(self, url, view=""):
        self.url = url
        self.page.get("about:blank")
        self.page.get(f"{url}/{view}")

    def go(self, view):
        self.page.execute_script("location.hash = arguments[0]", view)

    def wait(self, what, condition):
        """Until it holds; elements may be drawn anew meanwhile."""
        waiting = WebDriverWait(self.page, PATIENCE_S, 0.05, PASSING)
        try:
            return waiting.until(lambda page: condition())
        except TimeoutException:
            self.fail(f"waited for {what}; the page at {self.page.current_url} says: {self.text()[:2000]}")

    def text(self):
        return self.page.execute_script("return document.body ? document.body.innerText : ''")

    def all(self, selector):
        return self.page.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.wait(selector, functools.partial(self.page.find_element, By.CSS_SELECTOR, selector))

    def link(self, text, within="main"):
        xpath = f"//{within}//a[contains(normalize-space(.), '{text}')]"
        return self.wait(f"a link '{text}'", lambda: self.page.find_element(By.XPATH, xpath))

    def click(self, find):
        """With the mouse; what is drawn anew under it is looked for again."""
        def clicked():
            find().click()
            return True
        self.wait("something to click", clicked)

    def says(self, *texts):
        self.wait(f"the page to say {texts}", lambda: all(text.lower() in self.text().lower() for text in texts))

    def focused(self):
        return self.page.switch_to.active_element

    def picture(self, name):
        path = pathlib.Path(options.pictures) / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.assertTrue(self.page.save_screenshot(str(path)))
        self.assertGreater(path.stat().st_size, 10_000, f"{path} shows nothing: a blank page is smaller")
