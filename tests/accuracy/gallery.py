#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The programs of the gallery under `coroscope watch`: verdict and cause against the table.

usage: gallery.py BUILD [--json FILE]

BUILD is a build folder of the preset release. Needs root. Prints a table; exits with 1 if
a verdict is not the table's, or the cause of a fault.
"""
import argparse
import json
import pathlib
import subprocess
import sys

SOURCES = pathlib.Path(__file__).resolve().parents[2]
FAULTS = ("leak", "stuck", "busy", "starved")
RATE = 25  # rounds a second, of each program


def innermost(stack):
    """The innermost function of the program itself."""
    for frame in stack:
        if not frame.get("runtime") and not frame.get("library"):
            return frame["function"]
    return ""


def start(build, row):
    program = subprocess.Popen(
        [build / "runtime/gallery" / row["program"], "--" + row["form"], "--rate", str(RATE)],
        stdout=subprocess.PIPE, text=True)
    if not program.stdout.readline().startswith("ready"):
        sys.exit(f"gallery.py: {row['program']} did not start")
    return program


def watch(build, programs):
    """The report on each, by PID."""
    command = [build / "userspace/cli/coroscope", "watch", "--for", "12s", "-i", "300ms",
               "--busy", "2s", "--json", "--all"]
    done = subprocess.run([*command, *(str(one.pid) for one in programs)],
                          stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode > 1:
        sys.exit(f"gallery.py: watch ended with {done.returncode}")
    report = json.loads(done.stdout.splitlines()[-1])
    return {target["pid"]: target for target in report["targets"]}


def verdict_of(row, target):
    """Verdict and cause of the population that the row is about; of none, of the worst."""
    if row["verdict"] == "none":
        worst = [f for f in target["findings"] if f["verdict"] in FAULTS]
        return (worst[0]["verdict"], worst[0].get("cause", "")) if worst else ("none", "")
    for finding in target["findings"]:
        if (finding.get("reason", row["reason"]) in (row["reason"], "running")
                and row["parked_in"] in (innermost(finding["parked_at"]), "")
                and innermost(finding["spawned_at"]) == row["spawned_in"]):
            return finding["verdict"], finding.get("cause", "")
    return "none", ""


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    table = json.loads((SOURCES / "runtime/gallery/verdicts.json").read_text())
    rows = []
    for form in ("leak", "fixed"):
        shown = [row for row in table if row["form"] == form]
        programs = [start(options.build, row) for row in shown]
        try:
            reports = watch(options.build, programs)
        finally:
            for program in programs:
                program.kill()
                program.wait()
        for row, program in zip(shown, programs):
            verdict, cause = verdict_of(row, reports[program.pid])
            rows.append({"program": row["program"], "form": form, "expected": row["verdict"],
                         "verdict": verdict, "expected_cause": row["cause"], "cause": cause})
    right = [row for row in rows if row["verdict"] == row["expected"] and (
        row["verdict"] not in FAULTS or row["cause"].startswith(row["expected_cause"]))]
    print("| program | form | verdict | expected | cause |\n| --- | --- | --- | --- | --- |")
    for row in rows:
        if row["expected"] == "none" and row in right:
            continue
        mark = "" if row in right else " **wrong**"
        print(f"| {row['program']} | {row['form']} | {row['verdict']}{mark} | {row['expected']} "
              f"| {row['cause']} |")
    print(f"\n{len(right)} of {len(rows)} verdicts, and causes of faults, are the table's")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if len(right) == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
