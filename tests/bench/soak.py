# SPDX-License-Identifier: Apache-2.0
"""Whether memory, kernel memory and descriptors of an observer, and memory of its target, stay as they are
while coroutines come and go. Prints a line now and then, and a table at the end; 1 if something grew."""

import argparse
import contextlib
import glob
import os
import statistics
import subprocess
import sys
import time

MB = 1024.0


def resident_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / MB


def kernel_mb(pid):
    """Of its BPF maps and programs, as the kernel accounts for them."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/fdinfo/*"):
        with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii") as file:  # closed meanwhile
            total += sum(int(line.split()[1]) for line in file if line.startswith("memlock"))
    return total / MB / MB


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def measure(observer, target):
    return {
        "observer: resident MB": resident_mb(observer.pid),
        "observer: BPF MB": kernel_mb(observer.pid),
        "observer: descriptors": descriptors(observer.pid),
        "target: resident MB": resident_mb(target.pid),
    }


def grew(values):
    """By halves, without a tenth at the beginning: more than a twentieth, and more than one."""
    settled = values[len(values) // 10 :]
    first, last = (statistics.median(half) for half in (settled[: len(settled) // 2], settled[len(settled) // 2 :]))
    return last - first > max(1, first / 20), first, last


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("coroscope")
    parser.add_argument("churn")
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--burst", type=int, default=50, help="coroutines that each of four sites starts a millisecond")
    options = parser.parse_args()
    target = subprocess.Popen([options.churn, "--workers", "2", "--burst", str(options.burst)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    target.stdout.readline()
    observer = subprocess.Popen([options.coroscope, "watch", str(target.pid), "--json", "-i", "1s"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    # Read by somebody, so that the pipe does not fill.
    last = subprocess.Popen(["tail", "-n", "1"], stdin=observer.stdout, stdout=subprocess.PIPE, text=True)
    observer.stdout.close()
    rows, end, every = [], time.monotonic() + options.seconds, max(1.0, options.seconds / 120)
    while time.monotonic() < end:
        time.sleep(every)
        if observer.poll() is not None or target.poll() is not None:
            sys.exit("soak: the observer or its target has ended")
        rows.append(measure(observer, target))
        if len(rows) % 12 == 0:
            print(", ".join(f"{name} {value:.1f}" for name, value in rows[-1].items()), flush=True)
    observer.terminate()
    report = last.communicate()[0]
    target.kill()
    print(f"| after {options.seconds / 60:.0f} minutes of churn | first half | second half | |\n| --- | --- | --- | --- |")
    whole = '"completeness":1.0' in report
    failed = not whole
    for name in rows[0]:
        more, first, then = grew([row[name] for row in rows])
        failed |= more
        print(f"| {name} | {first:.1f} | {then:.1f} | {'grew' if more else ''} |")
    print("completeness at the end: " + ("100%" if whole else "not 100%"))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
