"""Dovecot for a test: everything of it in one folder, and no user of it is root."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER, PASSWORD = "digest", 'a "long" päss\\word'

_CONFIG = """
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
ssl = required
ssl_cert = <{certificate}
ssl_key = <{certificate}
ssl_dh =
protocols = imap
listen = 127.0.0.1
default_internal_user = {inner}
default_internal_group = {group}
default_login_user = {inner}
first_valid_uid = 1
auth_mechanisms = plain login
mail_location = maildir:{home}/mail
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {home}/users
}}
userdb {{
  driver = static
  args = uid={inner} gid={group} home={home}/mail
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


def program() -> str:
    """Where Dovecot is; empty where it is not."""
    return shutil.which("dovecot", path="/usr/sbin:/usr/bin") or ""


@contextmanager
def dovecot(folder: Path, certificate: Path) -> Iterator[tuple[int, int, Path]]:
    """The port with STARTTLS, the one with TLS, and the folder where new mail is put."""
    inner = pwd.getpwnam("nobody")
    group = "nogroup" if os.path.exists("/etc/debian_version") else "nobody"
    home = folder / "dovecot"
    new = home / "mail" / "new"
    for one in (new, home / "mail" / "cur", home / "mail" / "tmp", home / "run", home / "state"):
        one.mkdir(parents=True)
    own = home / "pair.pem"
    own.write_bytes(certificate.read_bytes())
    (home / "users").write_text(f"{USER}:{PASSWORD.replace(':', '')}\n", encoding="utf-8")
    port, tls_port = _free(), _free()
    (home / "conf").write_text(
        _CONFIG.format(
            home=home,
            certificate=own,
            inner=inner.pw_name,
            group=group,
            port=port,
            tls_port=tls_port,
        )
    )
    for one in (home / "mail").rglob("*"):
        os.chown(one, inner.pw_uid, inner.pw_gid)
    os.chown(home / "mail", inner.pw_uid, inner.pw_gid)
    for one in [home, *home.parents][:5]:  # pytest's folders are root's alone
        if "pytest-of-" in str(one):
            one.chmod(one.stat().st_mode | 0o111)
    command = [program(), "-F", "-c", str(home / "conf")]
    running = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        _wait(port, running, home / "log")
        yield port, tls_port, new
    finally:
        running.terminate()
        running.communicate(timeout=20)


def put(new: Path, name: str, content: bytes) -> None:
    """A mail arrives."""
    inner = pwd.getpwnam("nobody")
    file = new / name
    file.write_bytes(content)
    os.chown(file, inner.pw_uid, inner.pw_gid)


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def _wait(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 15
    while time.monotonic() < until and running.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    said = log.read_text() if log.exists() else ""
    if running.poll() is not None and running.stderr:
        said += running.stderr.read().decode()
    raise AssertionError(f"dovecot did not start: {said}")
