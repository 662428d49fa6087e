# SPDX-License-Identifier: Apache-2.0
"""Who has no mouse, a small screen, or a dark room."""

from selenium.webdriver.common.keys import Keys
from setting import PageTest


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
