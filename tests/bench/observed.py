# SPDX-License-Identifier: Apache-2.0
"""A target that does as it is told, and coroscope that watches it: what observe_bench.py is made of."""

import ctypes
import glob
import json
import os
import platform
import signal
import subprocess
import sys

# `watch` says 3 if too much was lost for a verdict, and 1 if it found a leak.
FINE = {0, 1, 3}


class Target:
    """observe_target, running."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        if self.process.stdout.readline() != "ready\n":
            sys.exit(f"{' '.join(command)}: did not start")

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def stop(self):
        """Operations, ns of CPU and ns since "go"."""
        self.tell("stop")
        return tuple(int(word) for word in self.process.stdout.readline().split())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Observer:
    """coroscope watch, attached."""

    def __init__(self, coroscope, pid, options):
        command = [coroscope, "watch", str(pid), "--json", "-i", "1s", *options]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{' '.join(command)}: {self.process.stderr.read()}")
        self.attach_s = json.loads(line)["attach_s"]
        self.report = None

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mb(self, name):
        """VmRSS: now; VmHWM: the most it ever was."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(name)) / 1024

    def program_ns(self):
        """What all of its BPF programs took; 0 without statistics."""
        total = 0
        for path in glob.glob(f"/proc/{self.process.pid}/fdinfo/*"):
            with open(path, encoding="ascii") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("run_time_ns"))
        return total

    def end(self):
        """Its account of the target."""
        if self.report is None:
            self.process.send_signal(signal.SIGINT)
            output, errors = self.process.communicate()
            if self.process.returncode not in FINE:
                sys.exit(f"coroscope watch ended with {self.process.returncode}: {errors}")
            self.report = json.loads(output.splitlines()[-1])["targets"][0]
        return self.report

    def events(self):
        rows = self.end()["spawn_stacks"]
        return sum(row[kind] for row in rows for kind in ("spawned", "exited", "parks", "unparks"))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.end()
        else:
            self.process.kill()
            self.process.wait()


class ProgramStatistics:
    """While it is open the kernel measures BPF programs (BPF_ENABLE_STATS, Linux 5.8); if it does not, so be it."""

    def __init__(self):
        call = {"x86_64": 321, "aarch64": 280}.get(platform.machine())
        enable_stats = 32
        run_time = ctypes.create_string_buffer(128)
        self.fd = ctypes.CDLL(None, use_errno=True).syscall(call, enable_stats, run_time, 128) if call else -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.fd >= 0:
            os.close(self.fd)
