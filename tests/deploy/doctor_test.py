# SPDX-License-Identifier: Apache-2.0
"""What `coroscope doctor --serve` says, with all privilege, with the unit's, and with less."""

import argparse
import json
import os
import socket
import subprocess

from daemon import Daemon, Place
from unit import USER, capabilities, read_unit

HELD = ["bpf", "perfmon", "sys_ptrace", "dac_read_search", "sys_admin"]


def examine(options, place, held=None, shell="", config=None, code=None, environment=None):
    """Checks by name; `held` by a user of its own, else as root. `shell` is done before, in mounts of its own."""
    command = [options.coroscope, "doctor", "--serve", "--json", "--config", str(config or place.config(rest='[http]\nlisten = "127.0.0.1:0"'))]
    if held is not None:
        listed = ",".join(["-all"] + [f"+{name}" for name in held])
        command = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", f"--bounding-set={listed}",
                   f"--inh-caps={listed}", f"--ambient-caps={listed}", *command]
    if shell:
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-e", "-c", f'{shell}\nexec "$@"', "sh", *command]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, text=True,
                          env={**os.environ, **(environment or {})})
    checks = {}
    for line in done.stdout.splitlines():
        one = json.loads(line)
        assert one["name"] not in checks, one
        checks[one["name"]] = one
    missing = [name for name, one in checks.items() if one["status"] == "missing"]
    assert done.returncode == (3 if missing else 0), (done, missing)
    assert all(one["fix"] for one in checks.values() if one["status"] != "ok"), checks
    if code is not None:
        assert done.returncode == code, (code, missing)
    return checks


def status(checks, name):
    return checks[name]["status"]


def check_capabilities(options, place):
    checks = examine(options, place, code=0)
    names = [f"CAP_{name.upper()}" for name in HELD]
    assert all(status(checks, name) == "ok" and checks[name]["found"].startswith("had") for name in names[:4]), checks
    wants_admin = "for nobody else" in checks["CAP_SYS_ADMIN"]["found"]
    examine(options, place, held=capabilities(read_unit(options.unit), "AmbientCapabilities"), code=0)
    for left_out in ("sys_ptrace", "dac_read_search"):
        checks = examine(options, place, held=[name for name in HELD if name != left_out], code=3)
        assert [name for name in names if status(checks, name) != "ok"] == [f"CAP_{left_out.upper()}"], checks
    # The two that CAP_SYS_ADMIN stands for, and that itself, as this kernel has it.
    checks = examine(options, place, held=[name for name in HELD if name not in ("bpf", "perfmon")], code=0)
    assert "CAP_SYS_ADMIN, which is had, stands for it" in checks["CAP_BPF"]["found"], checks
    checks = examine(options, place, held=HELD[:4], code=3 if wants_admin else 0)
    assert status(checks, "CAP_SYS_ADMIN") == ("missing" if wants_admin else "ok"), checks
    assert status(checks, "event delivery") == ("missing" if wants_admin else "ok"), checks
    checks = examine(options, place, held=[], code=3)
    assert [name for name in names if status(checks, name) == "missing"] == names[:4], checks


def check_kernel(options, place):
    """Settings as other kernels have them."""
    settings = ("mount -t tmpfs tmpfs /proc/sys/kernel && mkdir /proc/sys/kernel/yama\n"
                "echo {} >/proc/sys/kernel/yama/ptrace_scope; echo 4 >/proc/sys/kernel/perf_event_paranoid")
    checks = examine(options, place, shell=settings.format(3), code=3)
    assert status(checks, "ptrace_scope") == "missing" and status(checks, "perf events") == "ok", checks
    checks = examine(options, place, shell=settings.format(2), code=0)
    assert status(checks, "ptrace_scope") == "ok", checks
    checks = examine(options, place, held=[], shell=settings.format(1))
    assert status(checks, "perf events") == "note" and checks["perf events"]["found"] == "4", checks
    hidden = "mount -t proc -o hidepid=2 proc /proc"
    checks = examine(options, place, held=["bpf"], shell=hidden, code=3)
    assert status(checks, "/proc") == "missing", checks
    assert status(examine(options, place, held=HELD, shell=hidden, code=0), "/proc") == "ok"


def check_config(options, place):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        checks = examine(options, place, config=place.config(rest=f'[http]\nlisten = "127.0.0.1:{port}"'), code=3)
        assert f"cannot listen on 127.0.0.1:{port}" in checks["config"]["fix"], checks
    for top, rest, why in (
            ("", '[http]\nlisten = "0.0.0.0:0"', "needs http.token_file"),
            ("", '[http]\ntoken_file = "/nowhere"', "cannot read /nowhere"),
            ('ignore = "/nowhere"', "", "cannot read /nowhere"),
            ("scans = 7", "", "serve.toml:3:1: there is no 'scans'")):
        checks = examine(options, place, config=place.config(top, rest), code=3)
        assert why in checks["config"]["fix"], checks


def check_others(options, place):
    daemon = Daemon([options.coroscope, "serve", "--config", place.config(), "--listen", "127.0.0.1:0"])
    checks = examine(options, place, code=0)
    assert status(checks, "other daemon") == "note" and "serves on this host already" in checks["other daemon"]["found"], checks
    assert daemon.end() == 0
    state = {"STATE_DIRECTORY": str(place.folder)}
    checks = examine(options, place, environment=state)
    assert status(checks, "history") == "ok" and checks["history"]["found"].startswith(str(place.folder)), checks
    checks = examine(options, place, held=HELD, environment=state)
    assert status(checks, "history") == "note" and "Permission denied" in checks["history"]["found"], checks
    # Its folder is made by the daemon; what can not be is told.
    for path, good, found in (("", "ok", "none is kept"), (f"{place.folder}/a/b/history.db", "ok", "history.db"),
                              (f"{place.folder}/serve.toml/history.db", "note", "serve.toml: ")):
        text = f'[http]\nlisten = "127.0.0.1:0"\n[history]\npath = "{path}"'
        checks = examine(options, place, config=place.config(rest=text))
        assert status(checks, "history") == good and found in checks["history"]["found"], checks


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("coroscope", "programs", "unit"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    with Place(options.programs) as place:
        for check in (check_capabilities, check_kernel, check_config, check_others):
            check(options, place)


if __name__ == "__main__":
    main()
