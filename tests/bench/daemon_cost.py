# SPDX-License-Identifier: Apache-2.0
"""What the daemon takes of a host with many processes: of a processor, and of memory, once it has got to know them.
Several rounds in one run; the median and the range."""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from soak import descriptors, kernel_mb, resident_mb


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024


def start_targets(options, label):
    environment = os.environ | {"COROSCOPE_LABELS": label}
    each = options.coroutines // options.processes
    command = [options.target, "round_trip", "--rate", str(options.rate), "--parked", str(each), "--kind", "task"]
    targets = [subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
               for _ in range(options.processes)]
    for target in targets:
        target.stdin.write("go\n")
        target.stdin.flush()
    return targets


def processes_of(address):
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.request("GET", "/api/v1/processes")
    return json.loads(connection.getresponse().read())["processes"]


def wait_until_known(address, options):
    """All attached to, and beyond their first looks, which come at the interval."""
    while True:
        known = processes_of(address)
        if len(known) == options.processes and all(one["censuses"] + one["glances"] > 20 for one in known):
            return sum(one["live"] for one in known)
        time.sleep(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("coroscope")
    parser.add_argument("target", help="observe_target")
    parser.add_argument("--processes", type=int, default=50)
    parser.add_argument("--coroutines", type=int, default=1_000_000, help="in all")
    parser.add_argument("--rate", type=int, default=1000, help="events a second of each process")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20, help="of a round")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="coroscope-cost-") as folder:
        label = "test=" + os.path.basename(folder)
        config = os.path.join(folder, "serve.toml")
        with open(config, "w", encoding="ascii") as file:
            file.write(f'[[watch]]\nlabel = "{label}"\n[history]\npath = "{folder}/history.db"\n')
        targets = start_targets(options, label)
        daemon = subprocess.Popen([options.coroscope, "serve", "--config", config, "--listen", "127.0.0.1:0"],
                                  stdout=subprocess.PIPE, text=True)
        address = json.loads(daemon.stdout.readline())["address"]
        sink = subprocess.Popen(["cat"], stdin=daemon.stdout, stdout=subprocess.DEVNULL)
        try:
            live = wait_until_known(address, options)
            shares = []
            for _ in range(options.rounds):
                begun, wall = cpu_s(daemon.pid), time.monotonic()
                time.sleep(options.seconds)
                shares.append(100 * (cpu_s(daemon.pid) - begun) / (time.monotonic() - wall))
            print(f"{options.processes} processes, {live} coroutines, {options.rate} events a second each, at 1 Hz: "
                  f"{statistics.median(shares):.1f} ({min(shares):.1f} to {max(shares):.1f}) % of a processor, "
                  f"{resident_mb(daemon.pid):.0f} MB ({peak_mb(daemon.pid):.0f} at most), BPF {kernel_mb(daemon.pid):.0f} MB, "
                  f"{descriptors(daemon.pid)} descriptors")
            begun = time.monotonic()
            daemon.terminate()
            code = daemon.wait()
            print(f"ended with {code} after {time.monotonic() - begun:.2f} s")
        finally:
            daemon.kill()
            sink.wait()
            for target in targets:
                target.kill()
                target.wait()
    sys.exit(code)


if __name__ == "__main__":
    main()
