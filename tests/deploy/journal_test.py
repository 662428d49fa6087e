# SPDX-License-Identifier: Apache-2.0
"""Events in systemd's journal: the real journald, in a mount namespace where /run and /var/log are empty, and what
journalctl reads back."""

import argparse
import json
import os
import pathlib
import queue
import re
import signal
import subprocess
import sys
import threading
import time

from daemon import PATIENCE_S, Daemon, Place, value_of

SOCKET = pathlib.Path("/run/systemd/journal/socket")


def wait_until(good, what):
    end = time.monotonic() + PATIENCE_S
    while not good():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def start_journald():
    for place in ("/run", "/var/log"):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=True)
    pathlib.Path("/run/log/journal").mkdir(parents=True)
    settings = pathlib.Path("/run/systemd/journald.conf.d/test.conf")
    settings.parent.mkdir(parents=True)
    settings.write_text("[Journal]\nStorage=volatile\nAudit=no\nReadKMsg=no\nRateLimitBurst=0\n", encoding="utf-8")
    journald = subprocess.Popen(["/lib/systemd/systemd-journald"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(SOCKET.exists, "journald does not begin")
    return journald


class JournalDaemon(Daemon):
    """One whose events are what journalctl shows."""

    def __init__(self, command):
        self.child = subprocess.Popen([*command, "--history", ""], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.errors, self.told, self.events = [], [], queue.Queue()
        self.reader = subprocess.Popen(
            ["journalctl", "--follow", "--lines=all", "--output=json", "--all", f"_PID={self.child.pid}"], stdout=subprocess.PIPE)
        threading.Thread(target=self._read, args=(self.reader.stdout, self._event), daemon=True).start()
        self.url = "http://" + self.next("serving")["COROSCOPE_ADDRESS"]

    def _event(self, line):
        entry = json.loads(line)
        self.events.put({**entry, "event": entry.get("COROSCOPE_EVENT")})

    def end(self):
        code = super().end()
        self.reader.kill()
        self.reader.wait()
        return code


def check_entries(options, place):
    target = place.target("leak", "--rate", "200")
    daemon = JournalDaemon([
        options.coroscope, "serve", "--config", str(place.config('patience = "5s"\nevents = "journald"')), "--listen", "127.0.0.1:0"])
    attached = daemon.next("attached")
    assert attached["COROSCOPE_PID"] == str(target.pid) and attached["PRIORITY"] == "6", attached
    assert attached["SYSLOG_IDENTIFIER"] == "coroscope" and attached["COROSCOPE_SERVICE"] == "leak_ramp", attached
    opened = daemon.next("verdict_opened")
    assert opened["COROSCOPE_VERDICT"] == "leak" and opened["COROSCOPE_REASON"] == "chan send", opened
    assert opened["PRIORITY"] == "4" and opened["COROSCOPE_PID"] == str(target.pid), opened
    assert re.match(rf"leak in leak_ramp \(process {target.pid}\): chan send, \d+ coroutines$", opened["MESSAGE"]), opened
    whole = json.loads(opened["COROSCOPE_JSON"])
    assert "start_stuck" in [frame["function"] for frame in whole["spawned_at"]], whole
    return daemon


def check_full(place, daemon, journald):
    """A journal that takes nothing holds up nobody; what it did not take is counted."""
    def lost():
        return value_of(daemon.get("/metrics")[1], "coroscope_events_lost_total")

    assert lost() == 0
    journald.send_signal(signal.SIGSTOP)
    end = time.monotonic() + PATIENCE_S
    while lost() == 0:
        assert time.monotonic() < end, "nothing was lost"
        daemon.child.send_signal(signal.SIGHUP)
        time.sleep(0.02)
    assert daemon.get("/healthz")[0] == 200
    journald.send_signal(signal.SIGCONT)
    daemon.next("config_read")


def check_none(options, place):
    SOCKET.unlink()
    done = subprocess.run([options.coroscope, "serve", "--events", "journald", "--listen", "127.0.0.1:0"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, text=True, timeout=PATIENCE_S)
    assert done.returncode == 2 and f"journald at {SOCKET}: No such file" in done.stderr, done


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("coroscope", "programs"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--inside", action="store_true", help="it is in a mount namespace of its own")
    options = parser.parse_args()
    if not options.inside:
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv, "--inside"])
    journald = start_journald()
    try:
        with Place(options.programs) as place:
            daemon = check_entries(options, place)
            check_full(place, daemon, journald)
            assert daemon.end() == 0
            check_none(options, place)
    finally:
        journald.send_signal(signal.SIGCONT)
        journald.terminate()
        journald.wait()


if __name__ == "__main__":
    main()
