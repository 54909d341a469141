"""Start a Scrapyd on loopback, with an environment, a password and a data folder of its own: `make scrapyd`.

The environment is `.venv-scrapyd` in the checkout (NEWSCRAWL_SCRAPYD_VENV names another); it is made once and again when
its requirements change. The data folder is that of `newscrawl.schedule.state_folder`.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import secrets
import socket
import string
import subprocess
import sys
import tomllib
from pathlib import Path

from newscrawl.schedule import ScheduleError, local_server, state_folder

CHECKOUT = Path(__file__).resolve().parent.parent
TEMPLATE = Path(__file__).with_name("scrapyd.conf")
REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def environment() -> Path:
    """The `bin` folder of Scrapyd's environment, made where it is missing or of older requirements."""
    venv = Path(os.environ.get("NEWSCRAWL_SCRAPYD_VENV") or CHECKOUT / ".venv-scrapyd")
    wanted = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    constraints = CHECKOUT / "constraints.txt"
    parts = (*wanted, REQUIREMENTS.read_text("utf-8"), constraints.read_text("utf-8"), sys.version)
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    ready = venv / ".ready"
    venv.mkdir(parents=True, exist_ok=True)
    with (venv / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two starts at once would install into each other
        if not ready.exists() or ready.read_text("utf-8") != digest:
            print(f"newscrawl: making {venv}", file=sys.stderr)
            # Debian's python3 has no ensurepip: the pip that runs this puts the packages there from outside.
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)  # noqa: S603  (words of our own)
            (venv / ".gitignore").write_text("*\n", "utf-8")
            pip = [sys.executable, "-m", "pip", "--python", venv / "bin" / "python", "install", "--quiet"]
            pip += ["--disable-pip-version-check", "--constraint", constraints, "--requirement", REQUIREMENTS]
            subprocess.run([*pip, *wanted], check=True)  # noqa: S603
            ready.write_text(digest, "utf-8")
    return venv / "bin"


def configure(folder: Path, port: int) -> None:
    """Write scrapyd.conf with a new password, unless there is one."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / "scrapyd.conf"
    if path.exists():
        return
    text = string.Template(TEMPLATE.read_text("utf-8")).substitute(
        folder=folder, port=port, username="newscrawl", password=secrets.token_urlsafe(24).replace("%", "")
    )
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
    print(f"newscrawl: user and password are in {path}", file=sys.stderr)


def main() -> int:
    """Prepare, then become Scrapyd."""
    parser = argparse.ArgumentParser(description="Start Scrapyd for newscrawl.")
    parser.add_argument("--port", type=int, default=6800, help="port of a new scrapyd.conf (default: %(default)s)")
    parser.add_argument("--prepare", action="store_true", help="make environment and configuration, start nothing")
    given = parser.parse_args()
    folder = state_folder()
    try:
        configure(folder, given.port)
        server = local_server()
        binaries = environment()
    except OSError as error:
        return _refuse(
            f"{error.filename}: {error.strerror}: make it writable, or set NEWSCRAWL_SCRAPYD to another folder"
        )
    except subprocess.CalledProcessError as error:
        return _refuse(
            f"the environment could not be made (exit status {error.returncode}): see above; pip needs its registry"
        )
    except ScheduleError as error:
        return _refuse(str(error))
    if given.prepare:
        return 0
    host, port = server.url.removeprefix("http://").rstrip("/").rsplit(":", 1)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            return _refuse(
                f"{host}:{port}: {error.strerror}: stop what listens there, or change http_port in {folder}/scrapyd.conf"
            )
    # Jobs run in Scrapyd's working folder; `data` there is wanted neither inside the egg nor beside scrapyd.conf.
    os.environ.setdefault("NEWSCRAWL_DATA", str(folder / "data"))
    # Out of the checkout: Scrapyd reads the nearest scrapy.cfg and would take this project for a second one.
    os.chdir(folder)
    print(f"newscrawl: Scrapyd at {server.url}", file=sys.stderr, flush=True)
    # No pidfile: one that a crash left behind keeps Scrapyd from starting when its number is another program's.
    os.execv(binaries / "python", [binaries / "python", "-m", "scrapyd", "--pidfile="])  # noqa: S606  (a path of our own)
    return 0


def _refuse(message: str) -> int:
    print(f"newscrawl: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
