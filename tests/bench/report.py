# SPDX-License-Identifier: Apache-2.0
"""Reads lines "part name subject value" and prints, for each part, a table of medians with the least
and the most, and one of ratios of medians. Which subjects and ratios a part has is said in PARTS."""

import statistics
import sys
from collections import defaultdict

# Part: what its figures are, its subjects in order, and the pairs whose ratios one wants to know.
PARTS = {
    "micro": (
        "ns an operation, one thread",
        ["compiled-out", "unattached", "attached", "boost", "go"],
        [("unattached", "compiled-out"), ("attached", "unattached"), ("unattached", "boost"), ("unattached", "go")],
    ),
    "pingpong": ("ns an operation, two threads", ["coro", "boost", "go"], [("coro", "boost"), ("coro", "go")]),
    "memory": (
        "bytes a parked coroutine",
        ["fiber", "task", "go", "boost-default", "boost-pooled", "boost-protected"],
        [("fiber", "go"), ("task", "go"), ("fiber", "boost-default"), ("fiber", "boost-pooled")],
    ),
    "dump": (
        "ms of a dump of all parked coroutines",
        ["task", "fiber", "go", "task-10k", "fiber-10k", "go-10k"],
        [("task", "go"), ("fiber", "go"), ("fiber-10k", "go-10k")],
    ),
    "echo": ("echo server", ["coro", "go", "epoll"], [("coro", "go"), ("coro", "epoll")]),
    "observe_operation": (
        "ns of CPU an operation, one thread",
        ["compiled-out", "unattached", "census", "births", "full", "full-1/16", "parked-stacks", "classic"],
        [("unattached", "compiled-out"), ("full", "unattached"), ("parked-stacks", "full"), ("classic", "full")],
    ),
    "observe_event": ("ns an event more than compiled out", ["spawn_exit", "round_trip", "deep_round_trip"], []),
    "observe_paced": (
        "a worker of 100k events a second",
        ["compiled-out", "unattached", "full", "parked-stacks", "classic"],
        [],
    ),
    "observe_echo": ("echo server", ["unattached", "full", "parked-stacks"], []),
    "observe_where": ("ns of an event", ["full", "full-deep", "parked-stacks"], []),
    "observe_itself": ("the observer itself", ["task", "fiber"], []),
}

# What a figure is meant to be; printed beside it, and never asserted.
TARGETS = {
    ("observe_event", "full"): "<= 40",
    ("observe_event", "parked-stacks"): "<= 90 (deep)",
    ("observe_event", "classic"): "<= 600",
    ("observe_paced", "loss_percent"): "full <= 0.5",
    ("observe_echo", "loss_percent"): "full <= 3",
    ("observe_itself", "core_percent"): "<= 2",
    ("observe_itself", "most_resident_MB"): "<= 150",
}

# What says how it was measured, and has no better and worse.
NO_RATIO = {"parked", "server_busy_percent", "load_busy_percent"}


def short(value):
    """Three digits or all that stand before the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def cell(values):
    return f"{short(statistics.median(values))} ({short(min(values))} - {short(max(values))})" if values else "-"


def ratio(over, under):
    if not over or not under or not statistics.median(under):
        return "-"
    return f"{statistics.median(over) / statistics.median(under):.2f}"


def table(rows):
    widths = [max(map(len, column)) for column in zip(*rows)]
    rows.insert(1, ["-" * width for width in widths])
    for row in rows:
        print("| " + " | ".join(text.ljust(width) for text, width in zip(row, widths)) + " |")
    print()


def report(part, names, values):
    what, subjects, pairs = PARTS[part]
    subjects = [s for s in subjects if any(values[part, n, s] for n in names)]
    pairs = [(a, b) for a, b in pairs if a in subjects and b in subjects]
    head = [f"{what}, median (least - most)", *(s.replace("_", " ") for s in subjects)]
    rows = [[n.replace("_", " "), *(cell(values[part, n, s]) for s in subjects)] for n in names]
    if any((part, n) in TARGETS for n in names):
        head.append("target")
        for name, row in zip(names, rows):
            row.append(TARGETS.get((part, name), ""))
    table([head, *rows])
    if not pairs:
        return
    table(
        [["ratio of medians", *(f"{a} / {b}" for a, b in pairs)]]
        + [[n.replace("_", " "), *(ratio(values[part, n, a], values[part, n, b]) for a, b in pairs)]
           for n in names if n not in NO_RATIO]
    )


def main():
    values = defaultdict(list)
    names = defaultdict(dict)  # for their order
    for line in sys.stdin:
        part, name, subject, value = line.split()
        values[part, name, subject].append(float(value))
        names[part][name] = True
    for part in PARTS:
        if names[part]:
            report(part, list(names[part]), values)


if __name__ == "__main__":
    main()
