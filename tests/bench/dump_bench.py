# SPDX-License-Identifier: Apache-2.0
"""Times whole commands of coroscope on a target with many coroutines that wait, and asks the target for how
long one that runs was held up meanwhile. Prints "name,value" lines: ms, or MB where the name says so.

usage: dump_bench.py COROSCOPE TARGET KIND COUNT"""

import os
import subprocess
import sys
import time


def run(command):
    """Seconds that it took, and the most memory that it had, in MB."""
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{' '.join(command)}: ended with {child.returncode}")
    return time.monotonic() - start, usage.ru_maxrss / 1024


def figure(name, value):
    print(f"{name},{value:.3f}", flush=True)


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    coroscope, *program = sys.argv[1:]
    target = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def stall_ms(line=""):
        target.stdin.write(line + "\n")
        target.stdin.flush()
        return int(target.stdout.readline()) / 1e6

    try:
        if target.stdout.readline() != "ready\n":
            sys.exit("the target did not start")
        stall_ms()
        time.sleep(1)
        figure("stall_idle", stall_ms())
        commands = {
            "counts": [coroscope, "stat", str(target.pid), "--count", "1"],
            "first": [coroscope, "dump", str(target.pid)],
            "stacks": [coroscope, "dump", str(target.pid)],
        }
        for name, command in commands.items():
            stall_ms()
            seconds, megabytes = run(command)
            stall = stall_ms()
            figure("stacks_first" if name == "first" else name, seconds * 1e3)
            figure(f"stall_{name}", stall)
            if name == "stacks":
                figure("memory_MB", megabytes)
        stall_ms("stop")
        for name in ("counts", "stacks"):
            figure(f"{name}_idle", run(commands[name])[0] * 1e3)
    finally:
        target.kill()
        target.wait()


if __name__ == "__main__":
    main()
