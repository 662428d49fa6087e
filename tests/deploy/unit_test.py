# SPDX-License-Identifier: Apache-2.0
"""scripts/deploy/coroscope.service: what systemd finds in it, and the real daemon under it."""

import argparse
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile

from daemon import PATIENCE_S, Daemon, Place, status_of, value_of
from unit import USER, capabilities, read_unit

HERE = pathlib.Path(__file__).parent
MOST_EXPOSED = 24  # tenths, of ten: as `systemd-analyze security` counts


def systemd(*words):
    done = subprocess.run(
        ["systemd-analyze", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True,
        env={**os.environ, "SYSTEMD_LOG_TARGET": "console"})
    return done.returncode, done.stdout


def check_by_systemd(options):
    """With the command where it is here: systemd wants it to be there."""
    with tempfile.TemporaryDirectory() as folder:
        unit = pathlib.Path(folder) / "coroscope.service"
        text = pathlib.Path(options.unit).read_text(encoding="utf-8")
        unit.write_text(text.replace("/usr/bin/coroscope", options.coroscope), encoding="utf-8")
        code, output = systemd("verify", unit)
        assert code == 0 and not output, output
        code, output = systemd("security", "--offline=true", f"--threshold={MOST_EXPOSED}", unit)
        assert code == 0, output
        # That the two can fail is seen, too.
        unit.write_text(text.replace("ProtectSystem=strict", "ProtectSystem=strictly"), encoding="utf-8")
        assert "strictly" in systemd("verify", unit)[1]
        unit.write_text(text.replace("DynamicUser=yes\n", ""), encoding="utf-8")
        code, output = systemd("security", "--offline=true", f"--threshold={MOST_EXPOSED}", unit)
        assert code != 0, output


def serve_under_unit(options, place, without=(), environment=()):
    words = ["env", *environment, sys.executable, HERE / "unit.py"]
    for name in without:
        words += ["--without", name]
    for needed in (HERE / "unit.py", options.unit, options.coroscope):
        shutil.copy(needed, place.folder)
    command = read_unit(options.unit)["ExecStart"][-1].replace("/usr/bin/coroscope", "/mnt/coroscope")
    command = command.replace("/etc/coroscope", "/mnt").split()
    return Daemon([*words, options.unit, place.folder, *command])


def place_of(options):
    """What the daemon has to watch nevertheless: a program of root's in a folder that only root may
    look into, below /tmp, where the daemon has another one."""
    place = Place(options.programs)
    place.config(rest='[http]\nlisten = "127.0.0.1:0"')
    hidden = place.folder / "hidden"
    hidden.mkdir(mode=0o700)
    program = hidden / "leak_ramp"
    shutil.copy(place.programs / "leak_ramp", program)
    return place, program


def check_confined(options, pid, metrics):
    unit = read_unit(options.unit)
    allowed = sum(1 << number for number, name in enumerate(all_capabilities()) if name in capabilities(unit, "CapabilityBoundingSet"))
    for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status_of(pid, key), 16) & ~allowed == 0, key
    assert int(status_of(pid, "CapEff"), 16) != 0
    assert status_of(pid, "Uid").split() == [str(USER)] * 4
    assert status_of(pid, "NoNewPrivs") == "1"
    assert status_of(pid, "Seccomp") == "2", "no filter"
    assert int(status_of(pid, "Threads")) < int(unit["TasksMax"][-1])
    most = int(unit["MemoryMax"][-1].removesuffix("G")) << 30
    assert value_of(metrics, "process_resident_memory_bytes") < most / 4


def all_capabilities():
    """By number, as the kernel's header has them."""
    header = pathlib.Path("/usr/include/linux/capability.h").read_text(encoding="utf-8")
    numbers = {int(number): name.lower() for name, number in re.findall(r"#define CAP_(\w+)\s+(\d+)\n", header)}
    return [numbers[number] for number in range(len(numbers))]


def check_serves(options):
    place, program = place_of(options)
    with place:
        target = place.target("leak", "--rate", "50", program=program)
        # As systemd is told, of which Type= and WatchdogSec= make use.
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        manager.bind(str(place.folder / "notify"))
        os.chmod(place.folder / "notify", 0o666)
        manager.settimeout(PATIENCE_S)
        daemon = serve_under_unit(options, place, environment=["NOTIFY_SOCKET=/mnt/notify", "WATCHDOG_USEC=200000"])
        assert [manager.recv(64) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
        attached = daemon.next("attached", "lost")
        assert attached["event"] == "attached" and attached["pid"] == target.pid, attached
        assert attached["probes"] == "full", attached
        metrics = daemon.wait_for("/metrics", lambda text: (value_of(text, "coroscope_spawns_total") or 0) >= 100)
        assert value_of(metrics, "coroscope_completeness_ratio") == 1, metrics
        _, stacks = daemon.get(f"/api/v1/processes/{target.pid}")
        assert "start_stuck" in stacks, "names need the program's file"
        check_confined(options, daemon.child.pid, metrics)
        written = "coroscope_daemon_history_written_total"
        metrics = daemon.wait_for("/metrics", lambda text: (value_of(text, written) or 0) >= 1)
        assert value_of(metrics, "coroscope_daemon_history_works") == 1
        # As ExecReload does.
        daemon.child.send_signal(1)
        daemon.next("config_read")
        manager.setblocking(False)
        heard = drain(manager)
        assert daemon.end() == 0
        assert b"STOPPING=1" not in heard and b"STOPPING=1" in drain(manager)
        assert b"the daemon ends" in daemon.told[-1]


def drain(manager):
    heard = []
    try:
        while True:
            heard.append(manager.recv(64))
    except BlockingIOError:
        return heard


def check_config(options):
    """The one that goes with it."""
    path = pathlib.Path(options.unit).parent / "serve.toml"
    checked = subprocess.run([options.coroscope, "serve", "--check-config", "--config", path], stdout=subprocess.PIPE, check=True)
    assert b"is good" in checked.stdout


def check_needs(options, capability):
    """Without it the same process is not watched."""
    place, program = place_of(options)
    with place:
        target = place.target("leak", "--rate", "50", program=program)
        daemon = serve_under_unit(options, place, [capability])
        daemon.wait_for("/metrics", lambda text: (value_of(text, "coroscope_scans_total") or 0) >= 5)
        assert value_of(daemon.get("/metrics")[1], "coroscope_processes") == 0, (capability, target.pid)
        assert daemon.end() == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("coroscope", "programs", "unit"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    check_by_systemd(options)
    check_config(options)
    check_serves(options)
    for capability in ("CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"):
        check_needs(options, capability)


if __name__ == "__main__":
    main()
