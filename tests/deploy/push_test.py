# SPDX-License-Identifier: Apache-2.0
"""Profiles as they are sent: a receiver here, in the manner of Pyroscope's /ingest, and the real pprof, which reads
what came. There is no Pyroscope here."""

import argparse
import http.server
import os
import queue
import re
import subprocess
import threading
import time
import urllib.parse

from daemon import PATIENCE_S, Daemon, Place, value_of


class Receiver:
    """Answers with `status`; what came is (path, parameters, profile). Says nothing at all while it is silent."""

    def __init__(self):
        self.came, self.status, self.talks = queue.Queue(), 200, threading.Event()
        self.talks.set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                boundary = re.search(r"boundary=(\S+)", self.headers["Content-Type"]).group(1).encode()
                _, part, end = body.split(b"--" + boundary)
                assert end.strip() == b"--"
                headers, profile = part.split(b"\r\n\r\n", 1)
                assert b'name="profile"' in headers, headers
                url = urllib.parse.urlsplit(self.path)
                outer.came.put((url.path, dict(urllib.parse.parse_qsl(url.query)), profile.removesuffix(b"\r\n")))
                outer.talks.wait(PATIENCE_S)
                try:
                    self.send_response(outer.status)
                    self.end_headers()
                except OSError:
                    pass  # whoever asked has gone

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


def pprof(place, profile, *options):
    path = place.folder / "profile.pb.gz"
    path.write_bytes(profile)
    done = subprocess.run(["go", "tool", "pprof", *options, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False, text=True, env={**os.environ, "PPROF_TMPDIR": str(place.folder)})
    assert done.returncode == 0, done.stderr
    return done.stdout


def start(options, place, url, interval="1s"):
    config = place.config(rest=f'[push]\nurl = "{url}"\ninterval = "{interval}"\nlabels = {{ env = "prod", zone = "eu-1" }}\n')
    daemon = Daemon([options.coroscope, "serve", "--config", config, "--listen", "127.0.0.1:0"])
    daemon.next("attached")
    return daemon


def figure(name, daemon):
    return value_of(daemon.get("/metrics")[1], f"coroscope_push_{name}")


def wait_for_figure(name, daemon):
    daemon.wait_for("/metrics", lambda text: (value_of(text, f"coroscope_push_{name}") or 0) > 0)


def check_content(options, place):
    receiver = Receiver()
    target = place.target("leak", "--rate", "50")
    daemon = start(options, place, receiver.url)
    before = int(time.time())
    path, parameters, profile = receiver.came.get(timeout=PATIENCE_S)
    assert path == "/ingest" and parameters["format"] == "pprof", (path, parameters)
    assert parameters["name"] == f"leak_ramp{{pid={target.pid},env=prod,zone=eu-1}}", parameters
    assert int(parameters["until"]) >= int(parameters["from"]) >= before - 60, parameters
    top = pprof(place, profile, "-top")
    assert "Type: coroutines" in top and "send_for_ever" in top, top
    # And again, of the time since.
    _, again, profile = receiver.came.get(timeout=PATIENCE_S)
    assert int(again["from"]) >= int(parameters["from"]), (parameters, again)
    assert "send_for_ever" in pprof(place, profile, "-traces")
    wait_for_figure("sent_total", daemon)
    assert figure("failed_total", daemon) == 0 and figure("refused_total", daemon) == 0
    assert figure("cpu_seconds_total", daemon) > 0

    receiver.status = 503
    wait_for_figure("failed_total", daemon)
    receiver.status = 400
    wait_for_figure("refused_total", daemon)
    # It comes back to who takes them again, as long as that may have been.
    receiver.status = 200
    sent = figure("sent_total", daemon)
    daemon.wait_for("/metrics", lambda text: value_of(text, "coroscope_push_sent_total") > sent)
    return daemon, receiver


def check_silence(daemon, receiver):
    """Who takes a profile and then says nothing holds up neither looks nor the end."""
    receiver.talks.clear()
    while not receiver.came.empty():
        receiver.came.get()
    receiver.came.get(timeout=PATIENCE_S)
    looks = value_of(daemon.get("/metrics")[1], "coroscope_looks_total")
    daemon.wait_for("/metrics", lambda text: value_of(text, "coroscope_looks_total") > looks + 3)
    assert daemon.end() == 0
    receiver.talks.set()


def check_path(options, place):
    """Another path than Pyroscope's, and what is in it, stay."""
    receiver = Receiver()
    daemon = start(options, place, receiver.url + "/in/profiles?tenant=a")
    path, parameters, _ = receiver.came.get(timeout=PATIENCE_S)
    assert path == "/in/profiles" and parameters["tenant"] == "a" and parameters["format"] == "pprof", parameters
    # Without an address it stops.
    place.config()
    daemon.child.send_signal(1)
    daemon.next("config_read")
    daemon.wait_for("/metrics", lambda text: value_of(text, "coroscope_push_sent_total") is None)
    assert daemon.end() == 0


def check_refused(options, place):
    for text, why in (
            ('url = "here"', "'here' is no address of who takes profiles"),
            ('url = "http://a"\ninterval = "1ms"', "less than 1.0 s is not possible"),
            ('url = "http://a"\nlabels = { "a b" = "c" }', "is no label"),
            ('url = "http://a"\nlabels = { a = "c}" }', "is no label"),
            ('url = "http://a"\nlabels = { a = 1 }', "is no label"),
            ('uri = "http://a"', "there is no 'uri'; what is known here: url, interval, labels")):
        config = place.config(rest="[push]\n" + text)
        done = subprocess.run([options.coroscope, "serve", "--check-config", "--config", config], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False, text=True)
        assert done.returncode == 2 and why in done.stderr and done.stderr.count("\n") == 1, (text, done)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("coroscope", "programs"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    with Place(options.programs) as place:
        check_refused(options, place)
        check_silence(*check_content(options, place))
        check_path(options, place)


if __name__ == "__main__":
    main()
