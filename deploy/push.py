"""Build an egg of the project and give it to a Scrapyd, with scrapyd-client: `make deploy`.

The egg is built from a copy: scrapyd-deploy writes setup.py, build/ and an egg-info where it works.
"""

from __future__ import annotations

import argparse
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from configparser import ConfigParser
from pathlib import Path
from urllib.parse import urlsplit

from serve import CHECKOUT, environment

from newscrawl.schedule import ScheduleError, ask, local_server

LOCAL = "local"
"""Target of scrapy.cfg that stands for the Scrapyd of this machine, wherever its scrapyd.conf says."""


def main() -> int:
    """Deploy to a target of scrapy.cfg."""
    parser = argparse.ArgumentParser(description="Deploy newscrawl to Scrapyd.")
    parser.add_argument("target", nargs="?", default=LOCAL, help="target in scrapy.cfg (default: %(default)s)")
    given = parser.parse_args()
    try:
        binaries = environment()
        with tempfile.TemporaryDirectory(prefix="newscrawl-egg-") as folder:
            copy = Path(folder)
            shutil.copytree(CHECKOUT / "newscrawl", copy / "newscrawl", ignore=shutil.ignore_patterns("__pycache__"))
            for name in ("pyproject.toml", "README.md", "scrapy.cfg"):
                if (CHECKOUT / name).exists():
                    shutil.copy(CHECKOUT / name, copy)
            netrc = _take_credentials(copy) if given.target == LOCAL else None
            # scrapyd-client's own template names packages and version again; pyproject.toml has them.
            (copy / "setup.py").write_text("from setuptools import setup\n\nsetup()\n", "utf-8")
            # It asks for user and password by ~/.netrc, or this file: scrapy.cfg stands in the repository.
            home = {"NETRC": str(netrc), "HOME": str(copy)} if netrc else {}
            done = subprocess.run(  # noqa: S603  (words of our own)
                [binaries / "scrapyd-deploy", given.target],
                cwd=copy,
                env={**os.environ, **home, "no_proxy": "*"},
                check=False,
            )
    except ScheduleError as error:
        print(f"newscrawl: {error}", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(
            f"newscrawl: the environment could not be made (exit status {error.returncode}): see above", file=sys.stderr
        )
        return 2
    return done.returncode


def _take_credentials(copy: Path) -> Path:
    """Point the copy's target at the Scrapyd of this machine, and write its user and password where the client looks."""
    server = local_server()
    ask(server, "daemonstatus.json")  # a clear word now, before an egg is built
    config = ConfigParser(interpolation=None)
    config.read(copy / "scrapy.cfg")
    config.setdefault(f"deploy:{LOCAL}", {})  # type: ignore[arg-type]
    config[f"deploy:{LOCAL}"]["url"] = server.url
    config[f"deploy:{LOCAL}"]["project"] = "newscrawl"
    with (copy / "scrapy.cfg").open("w", encoding="utf-8") as file:
        config.write(file)
    netrc = copy / ".netrc"
    netrc.touch(mode=stat.S_IRUSR | stat.S_IWUSR)
    host = urlsplit(server.url).hostname
    netrc.write_text(f"machine {host} login {server.user} password {server.password}\n", "utf-8")
    return netrc


if __name__ == "__main__":
    sys.exit(main())
