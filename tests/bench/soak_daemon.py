# SPDX-License-Identifier: Apache-2.0
"""Whether the daemon stays as large as it is while processes come and go, and somebody scrapes it 200 times a
second. Each process is found, attached to and let go of. Prints a table; 1 if something grew, or was missed."""

import argparse
import collections
import http.client
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from soak import descriptors, kernel_mb, resident_mb


def grew(values):
    """By halves, without a tenth at the beginning: the least of the second one is more than a twentieth, and more
    than one, above the least of the first. What is read about a process and given back comes and goes."""
    settled = values[len(values) // 10 :]
    first, last = (min(half) for half in (settled[: len(settled) // 2], settled[len(settled) // 2 :]))
    return last - first > max(1, first / 20), first, last


class Targets:
    """So many processes at a time; each lives for some seconds, and another takes its place."""

    def __init__(self, program, label, count):
        self.command = [program, "steady", "--rate", "100"]
        self.environment = os.environ | {"COROSCOPE_LABELS": label}
        self.random = random.Random(1)
        self.ends = {}  # when each is to end
        self.started = collections.Counter()
        self.processes = {}
        for _ in range(count):
            self.start()

    def start(self):
        process = subprocess.Popen(self.command, env=self.environment, stdout=subprocess.PIPE, text=True)
        process.stdout.readline()
        self.processes[process.pid] = process
        self.started[process.pid] += 1
        self.ends[process.pid] = time.monotonic() + self.random.uniform(10, 30)

    def step(self):
        for pid, end in list(self.ends.items()):
            if time.monotonic() < end:
                continue
            process = self.processes.pop(pid)
            process.send_signal(self.random.choice([signal.SIGKILL, signal.SIGTERM]))
            process.wait()
            del self.ends[pid]
            self.start()

    def end(self):
        for process in self.processes.values():
            process.kill()
            process.wait()


class Scraper(threading.Thread):
    """Asks for /metrics at a rate."""

    def __init__(self, address, per_second):
        super().__init__(daemon=True)
        self.address, self.every = address, 1 / per_second
        self.took, self.failed, self.ending = [], 0, False

    def run(self):
        due = time.monotonic()
        while not self.ending:
            due = max(due + self.every, time.monotonic() - 1)
            time.sleep(max(0, due - time.monotonic()))
            begun = time.monotonic()
            self.failed += not self.ask()
            self.took.append(time.monotonic() - begun)

    def ask(self):
        connection = http.client.HTTPConnection(self.address, timeout=60)
        try:
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            answer.read()
            return answer.status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


class Daemon:
    def __init__(self, coroscope, folder, label):
        config = os.path.join(folder, "serve.toml")
        self.history = os.path.join(folder, "history.db")
        with open(config, "w", encoding="ascii") as file:
            file.write(f'scan = "1s"\n[[watch]]\nlabel = "{label}"\n[history]\npath = "{self.history}"\ninterval = "1s"\n'
                       "megabytes = 4\n")
        self.process = subprocess.Popen([coroscope, "serve", "--config", config, "--listen", "127.0.0.1:0"],
                                        stdout=subprocess.PIPE, text=True)
        self.events = collections.Counter()
        self.attached = collections.Counter()
        self.address = json.loads(self.process.stdout.readline())["address"]
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for text in self.process.stdout:
            event = json.loads(text)
            self.events[event["event"]] += 1
            if event["event"] == "attached":
                self.attached[event["pid"]] += 1

    def get(self, path):
        connection = http.client.HTTPConnection(self.address, timeout=60)
        connection.request("GET", path)
        return connection.getresponse().read().decode()

    def measure(self):
        pid = self.process.pid
        return {"resident MB": resident_mb(pid), "BPF MB": kernel_mb(pid), "descriptors": descriptors(pid),
                "threads": len(os.listdir(f"/proc/{pid}/task")), "history MB": self.history_mb()}

    def history_mb(self):
        files = [self.history, self.history + "-wal"]
        return sum(os.path.getsize(file) for file in files if os.path.exists(file)) / 1e6

    def end(self):
        begun = time.monotonic()
        self.process.terminate()
        code = self.process.wait()
        took = time.monotonic() - begun
        self.reader.join()
        return code, took


def table(rows, seconds, daemon, targets, scrapers, ended):
    """Prints it; True if something is wrong."""
    print(f"| after {seconds / 60:.1f} minutes of processes that come and go | first half | second half | |")
    print("| --- | --- | --- | --- |")
    failed = False
    for name in rows[0]:
        more, first, then = grew([row[name] for row in rows])
        more &= name != "history MB"  # it is bounded, not flat
        failed |= more
        print(f"| {name} | {first:.1f} | {then:.1f} | {'grew' if more else ''} |")
    missed = targets.started - daemon.attached
    took = sorted(one for scraper in scrapers for one in scraper.took)
    code, end_s = ended
    bad_scrapes = sum(scraper.failed for scraper in scrapers)
    print(f"processes: {targets.started.total()}, attached to {daemon.attached.total()}, events {dict(daemon.events)}")
    print(f"scrapes: {len(took)}, {len(took) / seconds:.0f} a second, {bad_scrapes} failed, median "
          f"{statistics.median(took) * 1e3:.1f} ms, longest {took[-1] * 1e3:.0f} ms")
    print(f"ended with {code} after {end_s:.2f} s")
    for wrong, what in [(missed, f"not attached to: {dict(missed)}"), (bad_scrapes, "scrapes failed"),
                        (daemon.events["lost"], "processes were lost"), (code != 0, "it ended badly"),
                        (daemon.events["attached"] != daemon.events["detached"], "attached and detached differ")]:
        if wrong:
            print("soak: " + what)
            failed = True
    return failed


def soak(options, daemon, targets):
    while daemon.attached.total() < options.processes and daemon.process.poll() is None:
        time.sleep(0.1)
    scrapers = [Scraper(daemon.address, options.scrapes / 2) for _ in range(2)]
    for scraper in scrapers:
        scraper.start()
    rows, begun, every = [], time.monotonic(), max(1.0, options.seconds / 240)
    while time.monotonic() < begun + options.seconds:
        time.sleep(every)
        targets.step()
        if daemon.process.poll() is not None:
            sys.exit("soak: the daemon has ended")
        rows.append(daemon.measure())
        if len(rows) % 24 == 0:
            print(", ".join(f"{name} {value:.1f}" for name, value in rows[-1].items()), flush=True)
            daemon.process.send_signal(signal.SIGHUP)
    # Those that were started last are found, too.
    watched = set(targets.processes)
    while not watched <= set(daemon.attached) and daemon.process.poll() is None:
        time.sleep(0.1)
    for scraper in scrapers:
        scraper.ending = True
    for scraper in scrapers:
        scraper.join()
    seconds = time.monotonic() - begun
    return table(rows, seconds, daemon, targets, scrapers, daemon.end())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("coroscope")
    parser.add_argument("leak_ramp")
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--processes", type=int, default=10, help="at a time")
    parser.add_argument("--scrapes", type=float, default=200, help="a second")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="coroscope-soak-") as folder:
        label = "test=" + os.path.basename(folder)
        daemon = Daemon(options.coroscope, folder, label)
        targets = Targets(options.leak_ramp, label, options.processes)
        try:
            failed = soak(options, daemon, targets)
        finally:
            daemon.process.kill()
            targets.end()
        sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
