# SPDX-License-Identifier: Apache-2.0
"""A real daemon with targets of its own, for the tests of this folder."""

import atexit
import json
import os
import pathlib
import queue
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

PATIENCE_S = 120  # a machine under load must not fail a test


class Daemon:
    """What `command` starts; it has to serve at a port that is free, and tell events on stdout."""

    def __init__(self, command):
        self._state = tempfile.TemporaryDirectory(prefix="coroscope-deploy-state-")  # where it keeps its history
        os.chmod(self._state.name, 0o777)
        self.child = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      env={**os.environ, "STATE_DIRECTORY": self._state.name})
        atexit.register(self.child.kill)  # also after a test that failed
        self.events, self.told, self.errors = queue.Queue(), [], []
        for pipe, take in ((self.child.stdout, self._event), (self.child.stderr, self.errors.append)):
            threading.Thread(target=self._read, args=(pipe, take), daemon=True).start()
        port = self.next("serving")["address"].rsplit(":", 1)[1]
        self.url = f"http://127.0.0.1:{port}"

    def _event(self, line):
        self.told.append(line)
        self.events.put(json.loads(line))

    def _read(self, pipe, take):
        for line in pipe:
            take(line)
        self.events.put(None)

    def next(self, *names):
        """The next event of one of these names."""
        end = time.monotonic() + PATIENCE_S
        while True:
            event = self.events.get(timeout=max(0, end - time.monotonic()))
            if event is None:
                raise AssertionError(f"it ended: {b''.join(self.errors).decode()}")
            if event["event"] in names:
                return event

    def get(self, path, headers=None):
        """Status and text."""
        request = urllib.request.Request(self.url + path, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def wait_for(self, path, good, headers=None):
        """Asks until the text satisfies `good`."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            _, text = self.get(path, headers)
            if good(text):
                return text
            time.sleep(0.05)
        raise AssertionError(f"{path} does not become what it should be: {text}")

    def end(self):
        self.child.terminate()
        return self.child.wait(PATIENCE_S)


class Place:
    """A folder, and targets that only daemons with config() watch."""

    def __init__(self, programs):
        self.programs = pathlib.Path(programs)
        self._folder = tempfile.TemporaryDirectory(prefix="coroscope-deploy-")
        self.folder = pathlib.Path(self._folder.name)
        self.folder.chmod(0o755)
        self.label = f"deploy={self.folder.name}"
        self.targets = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for target in self.targets:
            target.kill()
            target.wait()
        self._folder.cleanup()

    def target(self, *arguments, program=None):
        child = subprocess.Popen(
            [str(program or self.programs / "leak_ramp"), *arguments], stdout=subprocess.PIPE,
            env={**os.environ, "COROSCOPE_LABELS": self.label})
        self.targets.append(child)
        assert child.stdout.readline() == b"ready\n"
        return child

    def config(self, text="", rest=""):
        """Of a file that is made so; `text` goes before all tables."""
        path = self.folder / "serve.toml"
        path.write_text(f'interval = "200ms"\nscan = "100ms"\n{text}\n{rest}\n[[watch]]\nlabel = "{self.label}"\n', encoding="utf-8")
        return path


def status_of(pid, key):
    """What /proc/PID/status says after "Key:"."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(key + ":"):
            return line.split(":", 1)[1].strip()
    raise AssertionError(f"no {key} of {pid}")


def value_of(metrics, name):
    """The sum of all series of that name; nothing if there is none."""
    values = [float(line.rsplit(" ", 1)[1]) for line in metrics.splitlines() if line.split("{")[0].split(" ")[0] == name]
    return sum(values) if values else None
