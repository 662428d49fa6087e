# SPDX-License-Identifier: Apache-2.0
"""scripts/deploy/Dockerfile, without Docker: its packages are those of scripts/lib.sh and of the libraries
that the real command is linked with, and what it asks of CMake is there."""

import argparse
import pathlib
import re
import shlex
import subprocess
import tempfile

# In every image of Debian; and not linked with, but good to have there.
BASE = {"libc6", "libgcc-s1"}
OTHERS = {"ca-certificates", "libdebuginfod1"}


def output_of(*words, cwd=None):
    return subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, check=True, text=True, cwd=cwd).stdout


def instructions(path):
    """Each on one line, without comments."""
    text = re.sub(r"^\s*#.*\n", "", pathlib.Path(path).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return text.replace("\\\n", " ").splitlines()


def packages_of(line):
    command = line.split("apt-get install", 1)[1].split("&&")[0]
    return {word for word in command.split() if not word.startswith("-")}


def packages_to_build(root):
    library = (root / "scripts/lib.sh").read_text(encoding="utf-8")
    return set(re.findall(r"^build\s+(\S+)", library, re.MULTILINE))


def packages_to_run(coroscope):
    """Whose libraries it names itself; theirs are apt's concern."""
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", output_of("readelf", "--dynamic", "--wide", coroscope)))
    packages = set()
    for name, path in re.findall(r"(\S+) => (\S+)", output_of("ldd", coroscope)):
        if name in needed:
            # Debian has /lib in /usr, and names its files by either.
            real = pathlib.Path("/usr/lib") / pathlib.Path(path).relative_to("/usr/lib" if path.startswith("/usr") else "/lib")
            found = subprocess.run(["dpkg", "--search", path, real], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, text=True)
            packages |= {line.split(":")[0] for line in found.stdout.splitlines()}
    return packages


def check_build(root, line):
    """CMake takes its options, and has what is built and copied."""
    configure, build = re.search(r"RUN (cmake -S .*?) && (cmake --build .*?) &&", line).groups()
    with tempfile.TemporaryDirectory() as folder:
        words = [word.replace("/source", str(root)).replace("/build", folder) for word in shlex.split(configure)]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True)
        output = done.stdout
        assert done.returncode == 0, output
        assert "not used by the project" not in output, output
        target = shlex.split(build)[-1]
        assert re.search(rf"^userspace/cli/{target}: ", output_of("ninja", "-C", folder, "-t", "targets", "all"), re.MULTILINE)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--coroscope", required=True)
    parser.add_argument("--root", required=True, type=pathlib.Path)
    options = parser.parse_args()
    lines = instructions(options.root / "scripts/deploy/Dockerfile")
    to_build, to_run = (packages_of(line) for line in lines if "apt-get install" in line)
    assert to_build == packages_to_build(options.root), to_build ^ packages_to_build(options.root)
    linked = packages_to_run(options.coroscope) - BASE
    assert to_run - OTHERS == linked, (to_run - OTHERS) ^ linked
    check_build(options.root, next(line for line in lines if "cmake -S" in line))
    assert "COPY --from=build /build/userspace/cli/coroscope /usr/bin/coroscope" in lines
    # What is run is what the command has.
    entry, arguments = (re.search(r'\["(\S+)"\]', line).group(1) for line in lines if line.startswith(("ENTRYPOINT", "CMD")))
    assert entry == "/usr/bin/coroscope"
    assert "is good" in output_of(options.coroscope, arguments, "--check-config")


if __name__ == "__main__":
    main()
