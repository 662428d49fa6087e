# SPDX-License-Identifier: Apache-2.0
"""From a leak to an alert, with the real Prometheus and Alertmanager and the files of scripts/deploy:
three daemons on loopback, each with processes of its own, of which one leaks. Exits with 0 once the
receiver was told of that one, and of no other."""

import argparse
import http.server
import json
import os
import pathlib
import queue
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

PATIENCE_S = 180  # a machine under load must not fail a test


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Receiver:
    """What Alertmanager calls, as a queue of alerts."""

    def __init__(self):
        alerts = self.alerts = queue.Queue()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for alert in body["alerts"]:
                    alerts.put(alert)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.port = self.server.server_address[1]


class Fleet:
    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.children = []

    def start(self, name, command, environment=None, **more):
        with open(self.folder / f"{name}.log", "wb") as log:
            child = subprocess.Popen(
                [str(word) for word in command], stderr=log, env={**os.environ, **(environment or {})},
                cwd=self.folder, **more)
        self.children.append(child)
        return child

    def end(self):
        for child in reversed(self.children):
            child.terminate()
        for child in self.children:
            try:
                child.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                child.kill()

    def target(self, host, mode):
        child = self.start(
            f"target-{host}-{mode}", [f"{self.options.programs}/leak_ramp", mode, "--rate", "50"],
            {"COROSCOPE_LABELS": f"fleet={self.folder.name}-{host}"}, stdout=subprocess.PIPE)
        assert child.stdout.readline() == b"ready\n"
        return child

    def daemon(self, host, service):
        """Serves at the address that it is asked for; returns that."""
        config = self.folder / f"{host}.toml"
        config.write_text(
            f'interval = "500ms"\nscan = "200ms"\npatience = "5s"\n[[watch]]\n'
            f'label = "fleet={self.folder.name}-{host}"\nservice = "{service}"\n', encoding="utf-8")
        child = self.start(
            f"daemon-{host}", [self.options.coroscope, "serve", "--history", "", "--config", config, "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE)
        serving = json.loads(child.stdout.readline())
        threading.Thread(target=child.stdout.read, daemon=True).start()
        return serving["address"]

    def prometheus(self, addresses, alertmanager):
        deploy = pathlib.Path(self.options.deploy)
        text = (deploy / "prometheus.yml").read_text(encoding="utf-8")
        text = text.replace("127.0.0.1:9093", alertmanager)
        text = text.replace('["127.0.0.1:9177"]', json.dumps(addresses))
        text = text.replace("15s", "1s").replace("coroscope.rules.yml", str(deploy / "coroscope.rules.yml"))
        (self.folder / "prometheus.yml").write_text(text, encoding="utf-8")
        self.start("prometheus", [
            f"{self.options.tools}/usr/bin/prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb",
            f"--web.listen-address=127.0.0.1:{free_port()}"])

    def alertmanager(self, receiver):
        text = (pathlib.Path(self.options.deploy) / "alertmanager.yml").read_text(encoding="utf-8")
        text = text.replace("http://127.0.0.1:9095/", f"http://127.0.0.1:{receiver.port}/")
        (self.folder / "alertmanager.yml").write_text(text, encoding="utf-8")
        address = f"127.0.0.1:{free_port()}"
        # Debian's looks for its templates where its package would put them.
        shared = "mount -t tmpfs none /usr/share && ln -s $0/usr/share/prometheus /usr/share/prometheus && exec \"$@\""
        self.start("alertmanager", [
            "unshare", "--mount", "sh", "-c", shared, self.options.tools,
            f"{self.options.tools}/usr/bin/prometheus-alertmanager", "--config.file=alertmanager.yml",
            "--storage.path=alerts", f"--web.listen-address={address}", "--cluster.listen-address="])
        return address

    def logs(self):
        for path in sorted(self.folder.glob("*.log")):
            print(f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}", file=sys.stderr)


def get(url):
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        return answer.read()


def check_metrics(options, address):
    """promtool finds nothing wrong with them: neither form nor names."""
    checked = subprocess.run([f"{options.tools}/usr/bin/promtool", "check", "metrics"], input=get(f"http://{address}/metrics"),
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if checked.returncode != 0:
        sys.exit(f"promtool check metrics: {checked.stdout.decode()}")


def first_alert(receiver, leaking, address):
    """The alert of the process that leaks; any other leak is wrong."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            alert = receiver.alerts.get(timeout=1)
        except queue.Empty:
            continue
        labels = alert["labels"]
        if labels["alertname"] != "CoroutineLeak":
            continue
        expected = {"service": "orders", "pid": str(leaking.pid), "instance": address}
        found = {name: labels.get(name) for name in expected}
        if found != expected:
            sys.exit(f"an alert of another: {found}, not {expected}")
        return alert
    sys.exit(f"no alert came in {PATIENCE_S} s")


def verdict_behind(alert):
    """What the alert's description leads to."""
    url = re.search(r"http://\S+/api/v1/verdicts", alert["annotations"]["description"]).group()
    return [one for one in json.loads(get(url))["verdicts"] if one["verdict"] == "leak"]


def run(options, folder):
    fleet = Fleet(options, folder)
    receiver = Receiver()
    try:
        for host in ("a", "b", "c"):
            for _ in range(2):
                fleet.target(host, "steady")
        leaking = fleet.target("b", "leak")
        addresses = [fleet.daemon("a", "mail"), fleet.daemon("b", "orders"), fleet.daemon("c", "users")]
        for address in addresses:
            check_metrics(options, address)
        fleet.prometheus(addresses, fleet.alertmanager(receiver))
        alert = first_alert(receiver, leaking, addresses[1])
        verdicts = verdict_behind(alert)
        if [one["pid"] for one in verdicts] != [leaking.pid] or verdicts[0]["reason"] != "chan send":
            sys.exit(f"the alert leads to {verdicts}")
        print("the alert came:", alert["annotations"]["summary"])
    except BaseException:
        fleet.logs()
        raise
    finally:
        fleet.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("coroscope", "programs", "deploy", "tools"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="coroscope-fleet-") as folder:
        run(options, pathlib.Path(folder))


if __name__ == "__main__":
    main()
