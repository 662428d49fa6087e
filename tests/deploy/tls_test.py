# SPDX-License-Identifier: Apache-2.0
"""The daemon with TLS: openssl's certificates, curl's questions."""

import argparse
import pathlib
import signal
import socket
import subprocess
import time

from daemon import PATIENCE_S, Daemon, Place


def openssl(*words, cwd):
    subprocess.run(["openssl", *words], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


class Certificates:
    """Two roots, `ours` and `theirs`; who is signed by them is NAME.pem with NAME.key."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        for root in ("ours", "theirs"):
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", f"/CN={root}", "-keyout", f"{root}.key", "-out", f"{root}.pem", cwd=folder)
        self.sign("server", "ours")
        self.sign("client", "ours")
        self.sign("stranger", "theirs")
        self.sign("expired", "ours", days="-1")

    def sign(self, name, root, days="2"):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{name}.key", "-out", f"{name}.csr", cwd=self.folder)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{root}.pem", "-CAkey", f"{root}.key", "-CAcreateserial",
                "-days", days, "-copy_extensions", "copy", "-out", f"{name}.pem", cwd=self.folder)

    def path(self, name):
        return str(self.folder / name)


def table(certificates, client_ca="ours.pem", **other):
    """The config's [http]."""
    keys = {"tls_certificate": "server.pem", "tls_key": "server.key", "client_ca": client_ca, **other}
    return "[http]\n" + "".join(f'{key} = "{certificates.path(name)}"\n' for key, name in keys.items() if name)


def curl(daemon, certificates, client, path="/metrics", more=()):
    """Exit code and output, as NAME or, if that is empty, nobody."""
    url = daemon.url.replace("http://", "https://") + path
    words = ["curl", "--silent", "--show-error", "--max-time", str(PATIENCE_S), "--cacert", certificates.path("ours.pem"), *more]
    if client:
        words += ["--cert", certificates.path(f"{client}.pem"), "--key", certificates.path(f"{client}.key")]
    done = subprocess.run([*words, url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True)
    return done.returncode, done.stdout


def serve(options, place, http, listen="127.0.0.1:0"):
    return Daemon([options.coroscope, "serve", "--config", place.config(rest=http), "--listen", listen])


def check_clients(options, place, certificates):
    daemon = serve(options, place, table(certificates))
    code, text = curl(daemon, certificates, "client")
    assert code == 0 and "coroscope_processes " in text, text
    # What curl says is another thing each time; that there is no answer counts.
    for client in ("", "stranger", "expired"):
        code, text = curl(daemon, certificates, client)
        assert code != 0 and "coroscope_" not in text, (client, text)
    code, text = curl(daemon, certificates, "client", more=["--tls-max", "1.2"])
    assert code == 0, text
    try:
        answer = daemon.get("/metrics")  # without TLS
    except OSError:
        answer = None
    assert answer is None, answer
    assert daemon.end() == 0


def check_without_client_ca(options, place, certificates):
    """Then it is as over HTTP: a token, or loopback only."""
    daemon = serve(options, place, table(certificates, client_ca=""))
    code, text = curl(daemon, certificates, "")
    assert code == 0 and "coroscope_processes " in text, text
    assert daemon.end() == 0
    check_refused(options, place, table(certificates, client_ca=""), "http.client_ca; or listen on 127.0.0.1", listen="0.0.0.0:0")
    for http in (table(certificates), table(certificates, client_ca="", token_file="token")):
        daemon = serve(options, place, http, listen="0.0.0.0:0")
        assert daemon.end() == 0


def check_refused(options, place, http, why, listen="127.0.0.1:0"):
    done = subprocess.run(
        [options.coroscope, "serve", "--config", str(place.config(rest=http)), "--listen", listen], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, text=True, timeout=PATIENCE_S)
    assert done.returncode == 2 and done.stdout == "", done
    assert why in done.stderr and done.stderr.count("\n") == 1, done.stderr


def check_bad_files(options, place, certificates):
    openssl("ec", "-in", "server.key", "-aes128", "-passout", "pass:x", "-out", "locked.key", cwd=certificates.folder)
    (certificates.folder / "text.pem").write_text("hello\n", encoding="utf-8")
    for key, name, why in (
            ("tls_certificate", "nowhere.pem", "http.tls_certificate: {}: No such file or directory"),
            ("tls_certificate", "text.pem", "http.tls_certificate: {}: it holds no certificate in PEM form"),
            ("tls_key", "nowhere.key", "http.tls_key: {}: No such file or directory"),
            ("tls_key", "client.key", "http.tls_key: {}: it is not the key of the certificate"),
            ("tls_key", "locked.key", "http.tls_key: {}: it holds no key in PEM form, or one with a passphrase"),
            ("client_ca", "text.pem", "http.client_ca: {}: it holds no certificate in PEM form"),
            ("client_ca", "nowhere.pem", "http.client_ca: {}: No such file or directory")):
        check_refused(options, place, table(certificates, **{key: name}), why.format(certificates.path(name)))
    check_refused(options, place, table(certificates, tls_key=""), "tls_certificate and tls_key go together")
    check_refused(options, place, '[http]\nclient_ca = "x"', "go together, and client_ca with them")


def shown_by(daemon):
    """The certificate."""
    port = daemon.url.rsplit(":", 1)[1]
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, text=True)
    return done.stdout.split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0]


def check_reload(options, place, certificates):
    daemon = serve(options, place, table(certificates))
    first = shown_by(daemon)
    certificates.sign("server", "ours")
    daemon.child.send_signal(signal.SIGHUP)
    daemon.next("config_read")
    second = shown_by(daemon)
    assert first != second
    assert curl(daemon, certificates, "client")[0] == 0
    pathlib.Path(certificates.path("server.key")).write_text("nothing\n", encoding="utf-8")
    daemon.child.send_signal(signal.SIGHUP)
    assert "http.tls_key" in daemon.next("config_refused")["why"]
    assert shown_by(daemon) == second and curl(daemon, certificates, "client")[0] == 0
    assert daemon.end() == 0
    certificates.sign("server", "ours")


def check_client_ca_reload(options, place, certificates):
    (certificates.folder / "ca.pem").write_bytes((certificates.folder / "ours.pem").read_bytes())
    daemon = serve(options, place, table(certificates, client_ca="ca.pem"))
    assert curl(daemon, certificates, "client")[0] == 0
    (certificates.folder / "ca.pem").write_bytes((certificates.folder / "theirs.pem").read_bytes())
    daemon.child.send_signal(signal.SIGHUP)
    daemon.next("config_read")
    assert curl(daemon, certificates, "client")[0] != 0
    assert curl(daemon, certificates, "stranger")[0] == 0
    assert daemon.end() == 0


def check_slow(options, place, certificates):
    """More that say a byte now and then than there are threads."""
    daemon = serve(options, place, table(certificates))
    port = int(daemon.url.rsplit(":", 1)[1])
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(24)]
    hello = b"\x16\x03\x01\x02\x00\x01" + bytes(500)
    sent = 0
    question = subprocess.Popen(
        ["curl", "--silent", "--cacert", certificates.path("ours.pem"), "--cert", certificates.path("client.pem"),
         "--key", certificates.path("client.key"), daemon.url.replace("http://", "https://") + "/healthz"],
        stdout=subprocess.PIPE, text=True)
    end = time.monotonic() + PATIENCE_S
    while question.poll() is None:
        assert time.monotonic() < end, "others are stalled"
        for one in slow:
            try:
                one.send(hello[sent:sent + 1])
            except OSError:
                pass  # hung up on
        sent += 1
        time.sleep(0.1)
    assert question.stdout.read() == "ok\n"
    # At its end it does not wait for them.
    more = [socket.create_connection(("127.0.0.1", port)) for _ in range(24)]
    assert daemon.end() == 0
    for one in slow + more:
        one.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("coroscope", "programs"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    with Place(options.programs) as place:
        certificates = Certificates(place.folder)
        (place.folder / "token").write_text("secret\n", encoding="utf-8")
        for check in (check_clients, check_without_client_ca, check_bad_files, check_reload, check_client_ca_reload, check_slow):
            check(options, place, certificates)


if __name__ == "__main__":
    main()
