# SPDX-License-Identifier: Apache-2.0
"""scripts/deploy/kubernetes.yaml: the properties that matter, and the real daemon with its arguments, its
config and no more than its capabilities. There is no Kubernetes here."""

import argparse
import pathlib
import subprocess

import yaml  # Debian: python3-yaml

from daemon import Daemon, Place, status_of, value_of

NEEDED = {"BPF", "PERFMON", "SYS_PTRACE", "DAC_READ_SEARCH"}


def read(path):
    """Its objects by kind; there is one of each."""
    objects = list(yaml.safe_load_all(pathlib.Path(path).read_text(encoding="utf-8")))
    by_kind = {one["kind"]: one for one in objects}
    assert len(by_kind) == len(objects), [one["kind"] for one in objects]
    return by_kind


def check_rights(objects):
    assert not {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"} & set(objects), "it needs no rights there"
    assert objects["ServiceAccount"]["automountServiceAccountToken"] is False
    pod = objects["DaemonSet"]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == objects["ServiceAccount"]["metadata"]["name"]
    assert pod["hostPID"] is True and "hostNetwork" not in pod and "hostIPC" not in pod
    assert [set(volume) - {"name"} for volume in pod["volumes"]] == [{"hostPath"}, {"configMap"}, {"secret"}]
    assert pod["volumes"][0]["hostPath"]["path"] == "/var/lib/coroscope", "nothing else of the node"
    security = pod["containers"][0]["securityContext"]
    assert security["privileged"] is False and security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"]["drop"] == ["ALL"] and set(security["capabilities"]["add"]) == NEEDED
    assert security["seccompProfile"]["type"] == "RuntimeDefault"
    enforced = objects["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert enforced == "privileged", "no lower level admits hostPID"


def check_joined(objects):
    """What one object names is in another one, and what is asked is what the daemon answers."""
    template = objects["DaemonSet"]["spec"]["template"]
    labels = template["metadata"]["labels"]
    assert objects["DaemonSet"]["spec"]["selector"]["matchLabels"] == labels
    monitor = objects["PodMonitor"]["spec"]
    assert monitor["selector"]["matchLabels"] == labels
    container = template["spec"]["containers"][0]
    assert monitor["podMetricsEndpoints"][0]["port"] == container["ports"][0]["name"]
    volumes = {volume["name"]: volume for volume in template["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
    assert volumes["config"]["configMap"]["name"] == objects["ConfigMap"]["metadata"]["name"]
    secret = monitor["podMetricsEndpoints"][0]["authorization"]["credentials"]["name"]
    assert volumes["token"]["secret"]["secretName"] == secret
    for one in objects.values():
        if one["kind"] != "Namespace":
            assert one["metadata"]["namespace"] == objects["Namespace"]["metadata"]["name"], one["kind"]
    limits = container["resources"]
    assert set(limits["limits"]) == {"cpu", "memory"} == set(limits["requests"])


def as_here(text, place):
    """With paths of the pod where they are here."""
    return text.replace("/etc/coroscope-token", str(place.folder)).replace("/etc/coroscope", str(place.folder))


def write_files(objects, place):
    (place.folder / "token").write_text("a-secret\n", encoding="utf-8")
    text = as_here(objects["ConfigMap"]["data"]["serve.toml"], place)
    assert "0.0.0.0:9177" in text, "others have to reach it"
    # At a port that is free, and with no targets but our own.
    text = text.replace(":9177", ":0") + f'\n[[watch]]\nlabel = "{place.label}"\n'
    (place.folder / "serve.toml").write_text(text, encoding="utf-8")


def check_serves(options, objects):
    container = objects["DaemonSet"]["spec"]["template"]["spec"]["containers"][0]
    held = ",".join(["-all"] + [f"+{name.lower()}" for name in container["securityContext"]["capabilities"]["add"]])
    with Place(options.programs) as place:
        write_files(objects, place)
        command = [options.coroscope] + [as_here(word, place) for word in container["args"]]
        checked = subprocess.run([*command, "--check-config"], stdout=subprocess.PIPE, check=True)
        assert b"is good" in checked.stdout
        target = place.target("leak", "--rate", "50")
        daemon = Daemon(["setpriv", f"--bounding-set={held}", "--inh-caps=-all", *command])
        assert daemon.next("attached", "lost")["pid"] == target.pid
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert "httpHeaders" not in container[probe]["httpGet"], "it would tell the token"
            daemon.wait_for(container[probe]["httpGet"]["path"], lambda text: text in ("ok\n", "ready\n"))
        path = objects["PodMonitor"]["spec"]["podMetricsEndpoints"][0]["path"]
        assert daemon.get(path)[0] == 401
        token = {"Authorization": "Bearer a-secret"}
        metrics = daemon.wait_for(path, lambda text: (value_of(text, "coroscope_spawns_total") or 0) >= 50, token)
        assert value_of(metrics, "coroscope_completeness_ratio") == 1, metrics
        assert int(status_of(daemon.child.pid, "CapBnd"), 16).bit_count() <= len(NEEDED)
        assert daemon.end() == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("coroscope", "programs", "manifest"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    objects = read(options.manifest)
    check_rights(objects)
    check_joined(objects)
    check_serves(options, objects)


if __name__ == "__main__":
    main()
