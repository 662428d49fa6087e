# SPDX-License-Identifier: Apache-2.0
"""scripts/deploy/grafana.json: every expression of it is asked of a real Prometheus, with the real rules, that
scrapes a real daemon, until each has an answer. There is no Grafana here."""

import argparse
import http.server
import json
import pathlib
import re
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families  # Debian: python3-prometheus-client

from daemon import PATIENCE_S, Daemon, Place

# What Grafana fills in.
FILLED_IN = {"$__rate_interval": "5s", "$instance": ".*", "$service": ".*"}


def panels_of(board):
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def check_form(board):
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    taken = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    names = {variable["name"] for variable in board["templating"]["list"]}
    text = json.dumps([panel["targets"] for panel in panels_of(board)])
    used = set(re.findall(r"\$\{?(\w+)", text)) - {"__rate_interval"}
    assert used == names == {"datasource", "instance", "service"}, used


def expressions(board):
    """Filled in; where only what is not zero is shown, zero is an answer here."""
    for panel in panels_of(board):
        for target in panel["targets"]:
            text = target["expr"]
            for name, value in FILLED_IN.items():
                text = text.replace(name, value)
            assert "$" not in text, text
            yield panel["title"], re.sub(r" > 0$", " >= 0", text)


class Between:
    """Passes on what is asked of the daemon, and keeps the types of what is answered."""

    def __init__(self, daemon):
        self.types = set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                request = urllib.request.Request(daemon.url + self.path, headers={"Accept": self.headers.get("Accept", "")})
                with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                    body = answer.read()
                    if self.path == "/metrics":
                        outer.types.add(answer.headers["Content-Type"])
                    self.send_response(answer.status)
                    self.send_header("Content-Type", answer.headers["Content-Type"])
                    self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self.server.server_address[1]}"


class Prometheus:
    def __init__(self, options, place, address):
        deploy = pathlib.Path(options.deploy)
        text = (deploy / "prometheus.yml").read_text(encoding="utf-8")
        text = text.replace("127.0.0.1:9177", address).replace("15s", "1s")
        text = text.replace("coroscope.rules.yml", str(deploy / "coroscope.rules.yml"))
        (place.folder / "prometheus.yml").write_text(text, encoding="utf-8")
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{one.getsockname()[1]}"
        self.log = open(place.folder / "prometheus.log", "wb")
        self.child = subprocess.Popen(
            [f"{options.tools}/usr/bin/prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb",
             f"--web.listen-address={self.url.removeprefix('http://')}"], cwd=place.folder, stderr=self.log)

    def ask(self, expression):
        """Its series; nothing before it answers at all. What is no expression ends the test."""
        url = f"{self.url}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
                return json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            if error.code == 503:
                return []
            raise AssertionError(f"{expression}: {error.read().decode()}") from error
        except urllib.error.URLError:
            assert self.child.poll() is None, "Prometheus ended"
            return []

    def wait_for(self, title, expression):
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            series = self.ask(expression)
            if series:
                return series
            time.sleep(0.2)
        raise AssertionError(f"{title}: nothing is found by {expression}")

    def end(self):
        self.child.terminate()
        self.child.wait(PATIENCE_S)
        self.log.close()


def check_labels(panel, series):
    """What a legend names, each series has."""
    for target in panel["targets"]:
        for name in re.findall(r"{{(\w+)}}", target.get("legendFormat", "")):
            assert all(name in one["metric"] for one in series), (panel["title"], name)


def check_links(board, prometheus):
    """What a table links to is there."""
    followed = 0
    for panel in panels_of(board):
        for override in panel["fieldConfig"]["overrides"]:
            field = override["matcher"]["options"]
            link = override["properties"][0]["value"][0]["url"]
            expression = dict(expressions({"panels": [panel]}))[panel["title"]]
            one = prometheus.wait_for(panel["title"], expression)[0]["metric"]
            link = link.replace("${__value.raw}", one[field])
            link = re.sub(r"\${__data\.fields\.(\w+)}", lambda match: one[match.group(1)], link)
            with urllib.request.urlopen(link, timeout=PATIENCE_S) as answer:
                assert answer.status == 200
            followed += 1
    assert followed == 2


def check_openmetrics(daemon, scraped):
    """What Prometheus was given before is what a strict reader takes, and has the samples that the text has."""
    assert scraped.types == {"application/openmetrics-text; version=1.0.0; charset=utf-8"}, scraped.types
    _, text = daemon.get("/metrics", {"Accept": "application/openmetrics-text"})
    families = list(text_string_to_metric_families(text))
    names = {sample.name for family in families for sample in family.samples}
    _, plain = daemon.get("/metrics", {"Accept": "text/plain"})
    in_text = {re.split(r"[{ ]", line)[0] for line in plain.splitlines() if not line.startswith("#")}
    assert names == in_text, names ^ in_text
    units = {family.name: family.unit for family in families if family.unit}
    assert units["coroscope_park_duration_seconds"] == "seconds" and units["coroscope_completeness_ratio"] == "ratio", units


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("coroscope", "programs", "deploy", "tools"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    board = json.loads((pathlib.Path(options.deploy) / "grafana.json").read_text(encoding="utf-8"))
    check_form(board)
    with Place(options.programs) as place:
        config = place.config('patience = "5s"')
        place.target("leak", "--rate", "50")
        daemon = Daemon([options.coroscope, "serve", "--config", config, "--listen", "127.0.0.1:0"])
        daemon.next("attached")
        between = Between(daemon)
        prometheus = Prometheus(options, place, between.address)
        try:
            for title, expression in expressions(board):
                panel = next(one for one in panels_of(board) if one["title"] == title)
                series = prometheus.wait_for(title, expression)
                if len(panel["targets"]) == 1:
                    check_labels(panel, series)
            check_links(board, prometheus)
        finally:
            prometheus.end()
        check_openmetrics(daemon, between)
        assert daemon.end() == 0


if __name__ == "__main__":
    main()
