# SPDX-License-Identifier: Apache-2.0
"""What observers of each kind cost the target, and what they take themselves: one round, in which each
subject has its turn. Prints lines "part name subject value" for report.py; the parts are those of its
PARTS. Needs the privilege to attach. For each subject of an operation the same process serves, so that
where things lie in memory is no difference between them."""

import argparse
import subprocess
import sys
import time

from observed import Observer, ProgramStatistics, Target

SUBJECTS = {
    "unattached": None,
    "census": ["--probes", "census"],
    "births": ["--probes", "births"],
    "full": ["--probes", "full"],
    "full-1/16": ["--probes", "full", "--sample", "1/16"],
    "parked-stacks": ["--probes", "full", "--parked-stacks"],
    "classic": ["--probes", "classic"],
}
EVENTS = {"spawn_exit": 2, "round_trip": 4, "deep_round_trip": 4}
PACED_NS = 40_000  # a round trip, of four events, in so long: 100,000 events a second
BATCH = 256  # events of a trap, at the most
HIGH_RATE = 1_000_000  # events a second of the target of `observer`
OBSERVED_FOR = 100  # times --time: 20 s
SETTLED_AFTER = 75  # times --time: the first twelve looks come each second, whatever they take


class Bench:
    def __init__(self, options):
        self.options = options
        self.event_ns = {}  # by operation and subject: more than with probes compiled out

    def figure(self, part, name, subject, value):
        print(f"{part} {name} {subject} {value:.6g}", flush=True)

    def target(self, operation, *arguments, suffix=""):
        return Target([f"{self.options.programs}/observe_target{suffix}", operation, *map(str, arguments)])

    def observer(self, target, subject):
        return Observer(self.options.coroscope, target.pid, SUBJECTS[subject])

    def run(self, target, times):
        """Operations, and ns of CPU for each, of so many times --time."""
        target.tell("go")
        time.sleep(self.options.time * times)
        done, cpu_ns, _ = target.stop()
        return done, cpu_ns / max(done, 1)

    def watched(self, target, subject, times):
        """ns of CPU for each operation, and the events of one as the observer has counted them."""
        if SUBJECTS[subject] is None:
            return self.run(target, times)[1], None
        with self.observer(target, subject) as observer:
            done, each_ns = self.run(target, times)
            return each_ns, observer.events() / max(done, 1)

    def compiled_out(self, operation, times, *arguments):
        with self.target(operation, *arguments, suffix="_no_probes") as target:
            self.run(target, 1)
            return self.run(target, times)[1]

    def operations(self):
        for operation, events in EVENTS.items():
            base = self.compiled_out(operation, 3)
            self.figure("observe_operation", operation, "compiled-out", base)
            with self.target(operation) as target:
                self.run(target, 1)
                for subject in SUBJECTS:
                    each_ns, counted = self.watched(target, subject, 3)
                    self.event_ns[operation, subject] = (each_ns - base) / events
                    self.figure("observe_operation", operation, subject, each_ns)
                    self.figure("observe_event", subject, operation, self.event_ns[operation, subject])
                    if subject == "full":
                        self.figure("observe_event", "(events_of_an_operation,_counted)", operation, counted)

    def paced(self):
        units = 10_000
        with self.target("round_trip", "--work", units, suffix="_no_probes") as target:
            work = int(PACED_NS / (self.run(target, 1)[1] / units))
        base = self.compiled_out("round_trip", 5, "--work", work)
        self.figure("observe_paced", "ns_a_round_trip", "compiled-out", base)
        with self.target("round_trip", "--work", work) as target:
            self.run(target, 1)
            before = self.run(target, 5)[1]
            self.figure("observe_paced", "loss_to_compiled_out_percent", "unattached", (1 - base / before) * 100)
            for subject in ("full", "full", "full", "parked-stacks", "classic"):
                each_ns = self.watched(target, subject, 5)[0]
                after = self.run(target, 5)[1]
                # Beside what was before and after it: clocks of processors drift.
                loss = 1 - (before + after) / 2 / each_ns
                self.figure("observe_paced", "ns_a_round_trip", "unattached", (before + after) / 2)
                self.figure("observe_paced", "ns_a_round_trip", subject, each_ns)
                self.figure("observe_paced", "events_a_s", subject, EVENTS["round_trip"] / each_ns * 1e9)
                self.figure("observe_paced", "loss_percent", subject, loss * 100)
                self.figure("observe_paced", "loss_to_compiled_out_percent", subject, (1 - base / each_ns) * 100)
                before = after

    def echo_from(self, subject):
        """Figures by name."""
        options = self.options
        server_cpu, load_cpu = options.cpus.split(",")
        load = subprocess.Popen(
            ["taskset", "-c", load_cpu, f"{options.programs}/echo_load", "--connections", str(options.connections),
             "--bytes", str(options.bytes), "--warm-up", "0.5", "--seconds", str(10 * options.time), "--wait", "yes",
             "--", "taskset", "-c", server_cpu, f"{options.programs}/echo_server", "1"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        pid = int(load.stdout.readline().split(",")[1])
        observer = SUBJECTS[subject] and Observer(options.coroscope, pid, SUBJECTS[subject])
        output, _ = load.communicate("go\n")
        if observer:
            observer.process.kill()  # its target has ended
            observer.process.communicate()
        if load.returncode != 0:
            sys.exit(f"echo_load ended with {load.returncode}")
        return {name: float(value) for name, value in (line.split(",") for line in output.splitlines())}

    def echo(self):
        base = {}
        for subject in ("unattached", "full", "unattached", "full", "unattached", "parked-stacks"):
            figures = self.echo_from(subject)
            base = figures if subject == "unattached" else base
            for name in ("requests_per_s", "server_cpu_ns", "p99_us", "server_busy_percent"):
                self.figure("observe_echo", name, subject, figures[name])
            for name, loss in (
                ("loss_percent", 1 - figures["requests_per_s"] / base["requests_per_s"]),
                ("more_cpu_percent", figures["server_cpu_ns"] / base["server_cpu_ns"] - 1),
            ):
                if subject != "unattached":
                    self.figure("observe_echo", name, subject, loss * 100)

    def observer_itself(self):
        for kind in ("task", "fiber"):
            arguments = ["--workers", 2, "--rate", HIGH_RATE, "--parked", self.options.parked, "--kind", kind]
            with self.target("round_trip", *arguments) as target:
                target.tell("go")
                time.sleep(self.options.time)
                with self.observer(target, "full") as observer:
                    time.sleep(self.options.time * SETTLED_AFTER)
                    began, cpu_s = time.monotonic(), observer.cpu_s()
                    time.sleep(self.options.time * OBSERVED_FOR)
                    share = (observer.cpu_s() - cpu_s) / (time.monotonic() - began)
                    resident, most = observer.resident_mb("VmRSS"), observer.resident_mb("VmHWM")
                    done, _, wall_ns = target.stop()
                    report = observer.end()
                figures = {
                    "core_percent": share * 100, "resident_MB": resident, "most_resident_MB": most,
                    "attach_ms": observer.attach_s * 1e3, "looks_a_s": report["censuses"] / report["watched_s"],
                    "parked": self.options.parked, "events_a_s": EVENTS["round_trip"] * done / wall_ns * 1e9,
                    "completeness_percent": report["completeness"] * 100,
                }
                for name, value in figures.items():
                    self.figure("observe_itself", name, kind, value)

    def runtime_ns(self, operation, command):
        """Of an event that nobody takes: what the runtime itself does for it."""
        with self.target(operation) as target:
            self.run(target, 1)
            unattached = self.run(target, 3)[1]
            target.tell(command)
            raised = self.run(target, 3)[1]
            return (raised - unattached) / EVENTS[operation]

    def program_ns(self, operation, subject):
        with ProgramStatistics(), self.target(operation) as target, self.observer(target, subject) as observer:
            self.run(target, 3)
            taken = observer.program_ns()
            return taken / max(observer.events(), 1)

    def where(self):
        output = subprocess.run(
            [f"{self.options.programs}/event_parts", str(self.options.time)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
        parts = {name: float(ns) for name, ns in (line.split(",") for line in output.splitlines())}
        for operation, subject, command in (
            ("round_trip", "full", "raise"),
            ("deep_round_trip", "full-deep", "raise"),
            ("deep_round_trip", "parked-stacks", "raise stacks"),
        ):
            kind = subject.removesuffix("-deep")
            runtime = self.runtime_ns(operation, command)
            # Half of the events are parks, and only those have a coarse clock without an
            # observer, and walk a stack with one.
            known = {"clock": parts["clock"] - parts["coarse_clock"] / 2, "store": parts["store"]}
            asked = kind == "parked-stacks"
            known |= {name: parts[name] / 2 if asked else 0 for name in ("walk", "intern")}
            semaphores = self.event_ns[operation, "unattached"]
            trap = parts.get("trap", 0) / BATCH
            program = self.program_ns(operation, kind)
            measured = self.event_ns[operation, kind]
            rows = {"semaphores": semaphores, "runtime": runtime,
                    **{f"runtime:_{name}": value for name, value in known.items()},
                    "runtime:_rest": runtime - sum(known.values()), "trap_/_256": trap, "BPF_program": program,
                    "not_explained": measured - semaphores - runtime - trap - program, "all_in": measured}
            for name, value in rows.items():
                self.figure("observe_where", name, subject, value)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True, help="folder of the benchmarks")
    parser.add_argument("--coroscope", required=True)
    parser.add_argument("--time", type=float, default=0.2, help="seconds, of which each figure takes some")
    parser.add_argument("--parked", type=int, default=1_000_000)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--bytes", type=int, default=64)
    parser.add_argument("--cpus", default="0,1", help="of the echo server and of its load")
    parser.add_argument("--but", choices=["itself"], help="leave out what the observer itself takes")
    options = parser.parse_args()
    bench = Bench(options)
    bench.operations()
    bench.paced()
    bench.echo()
    bench.where()
    if options.but != "itself":
        bench.observer_itself()


if __name__ == "__main__":
    main()
