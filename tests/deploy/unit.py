# SPDX-License-Identifier: Apache-2.0
"""A unit of systemd without systemd: reads it, and runs a command under what it says of user, capabilities,
system calls, mounts and limits. Not cgroups (MemoryMax and the like): those need systemd as process 1.

    unit.py [--without CAP_X] UNIT FOLDER COMMAND...    FOLDER is seen at /mnt, since /tmp is another one"""

import argparse
import ctypes
import errno
import os
import resource
import socket
import subprocess
import sys

import seccomp  # Debian: python3-seccomp

USER = 61184  # the first of those that DynamicUser takes
PROT_WRITE, PROT_EXEC = 2, 4


def read_unit(path):
    """The values of [Service] by key; each a list, since most keys may come again."""
    values, section = {}, ""
    with open(path, encoding="utf-8") as file:
        for line in (line.strip() for line in file):
            if line.startswith("["):
                section = line
            elif "=" in line and line[0] not in "#;" and section == "[Service]":
                key, value = line.split("=", 1)
                values.setdefault(key, []).append(value)
    return values


def has(unit, key, value):
    return unit.get(key, [""])[-1] == value


def capabilities(unit, key):
    return [name.removeprefix("CAP_").lower() for name in " ".join(unit[key]).split()]


def system_calls(name):
    """Those of a set, as systemd has it, or just this one."""
    if not name.startswith("@"):
        return {name}
    output = subprocess.run(["systemd-analyze", "syscall-filter", name], stdout=subprocess.PIPE, check=True, text=True).stdout
    calls = set()
    for word in (line.strip() for line in output.splitlines()[1:]):
        if word and not word.startswith("#"):
            calls |= system_calls(word)
    return calls


def allowed_calls(unit):
    allowed = system_calls("@default")
    for value in unit["SystemCallFilter"]:
        calls = set().union(*(system_calls(name) for name in value.removeprefix("~").split()))
        allowed = allowed - calls if value.startswith("~") else allowed | calls
    return allowed


def add_rule(filter_, action, call, *arguments):
    try:
        filter_.add_rule(action, call, *arguments)
    except (RuntimeError, OSError, ValueError):
        pass  # this processor has no such call


def filter_calls(unit):
    refuse = seccomp.ERRNO(getattr(errno, unit["SystemCallErrorNumber"][-1]))
    calls = seccomp.SyscallFilter(refuse)
    for call in sorted(allowed_calls(unit)):
        add_rule(calls, seccomp.ALLOW, call)
    calls.load()


def filter_arguments(unit):
    """Made before the calls are filtered, as seccomp(2) may be refused then."""
    arguments = seccomp.SyscallFilter(seccomp.ALLOW)
    families = {int(getattr(socket, name)) for name in " ".join(unit["RestrictAddressFamilies"]).split()}
    for family in set(range(64)) - families:
        arguments.add_rule(seccomp.ERRNO(errno.EAFNOSUPPORT), "socket", seccomp.Arg(0, seccomp.EQ, family))
    if has(unit, "MemoryDenyWriteExecute", "yes"):
        refuse, both = seccomp.ERRNO(errno.EPERM), PROT_WRITE | PROT_EXEC
        arguments.add_rule(refuse, "mmap", seccomp.Arg(2, seccomp.MASKED_EQ, both, both))
        arguments.add_rule(refuse, "mprotect", seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, PROT_EXEC))
    if has(unit, "RestrictNamespaces", "yes"):
        for call in ("unshare", "setns"):
            arguments.add_rule(seccomp.ERRNO(errno.EPERM), call)
    arguments.load()


def call(name, *arguments):
    """Of libc, by its name."""
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), name)


def mount_read_only(path):
    """All that is mounted there or below: mount_setattr(2), with AT_RECURSIVE and MOUNT_ATTR_RDONLY."""
    attributes = (ctypes.c_uint64 * 4)(1, 0, 0, 0)
    if ctypes.CDLL(None, use_errno=True).syscall(442, -100, path.encode(), 0x8000, attributes, 32) != 0:
        raise OSError(ctypes.get_errno(), f"mount_setattr {path}")


def mount(*words):
    subprocess.run(["mount", *words], check=True)


def set_up_mounts(unit, folder):
    call("unshare", 0x20000)  # CLONE_NEWNS
    mount("--make-rprivate", "/")
    mount("--bind", folder, "/mnt")
    if has(unit, "ProtectSystem", "strict"):
        mount_read_only("/")
        for kept in ("/proc", "/dev"):
            mount("-o", "remount,rw,bind", kept)
    if has(unit, "ProtectKernelTunables", "yes"):
        mount("--bind", "-o", "ro", "/proc/sys", "/proc/sys")
    hidden = ["/tmp", "/var/tmp"] if has(unit, "PrivateTmp", "yes") else []
    hidden += ["/home", "/root", "/run/user"] if has(unit, "ProtectHome", "yes") else []
    for place in filter(os.path.isdir, hidden):
        mount("-t", "tmpfs", "-o", "mode=1777" if "tmp" in place else "mode=000", "tmpfs", place)
    states = unit.get("StateDirectory", [])
    if states:
        mount("-t", "tmpfs", "tmpfs", "/var/lib")
        os.mkdir(f"/var/lib/{states[-1]}", 0o700)
        os.chown(f"/var/lib/{states[-1]}", USER, USER)
        os.environ["STATE_DIRECTORY"] = f"/var/lib/{states[-1]}"


def enter(options, unit):
    """The rest needs root no more: it is done as the user that the service has."""
    set_up_mounts(unit, options.folder)
    # Here, too, not everybody may have more.
    files = min(int(unit["LimitNOFILE"][-1]), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    bounding, ambient = (
        [one for one in capabilities(unit, key) if one not in options.without]
        for key in ("CapabilityBoundingSet", "AmbientCapabilities"))
    listed = ",".join(["-all"] + [f"+{one}" for one in bounding])
    held = ",".join(["-all"] + [f"+{one}" for one in ambient])
    command = ["setpriv", f"--bounding-set={listed}", f"--inh-caps={held}", f"--ambient-caps={held}"]
    if has(unit, "DynamicUser", "yes"):
        command += [f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    if has(unit, "NoNewPrivileges", "yes"):
        command.append("--no-new-privs")
    # A checkout may be where the unit hides what is there.
    own, listed_in = (f"/mnt/{os.path.basename(one)}" for one in (__file__, options.unit))
    os.execvp("setpriv", command + [sys.executable, own, "--inside", listed_in, options.folder, *options.command])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inside", action="store_true", help="all is done but for the system calls")
    parser.add_argument("--without", action="append", default=[], type=lambda name: name.removeprefix("CAP_").lower())
    parser.add_argument("unit")
    parser.add_argument("folder")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    unit = read_unit(options.unit)
    if not options.inside:
        enter(options, unit)
    filter_arguments(unit)
    filter_calls(unit)
    os.execv(options.command[0], options.command)


if __name__ == "__main__":
    main()
