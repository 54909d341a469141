"""The environments: newscrawl's own, and those of what it is measured beside."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.figures import ROOT

OWN = Path(sys.executable)
PEERS = ROOT / ".venv-bench" / "bin" / "python"
FUNDUS = ROOT / ".venv-bench-fundus" / "bin" / "python"


class Unmeasured(Exception):
    """Why something could not be measured, in one line."""


def ask(python: Path, *command: str, timeout: float = 1800) -> Any:
    """Run `python -m COMMAND` in the project's folder; the last line of its output is JSON.

    Raises:
        Unmeasured: the environment is missing, or the command failed.
    """
    if not python.exists():
        raise Unmeasured(f"{python.relative_to(ROOT)} is missing: make peers")
    done = subprocess.run(
        [str(python), "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False
    )
    if done.returncode:
        raise Unmeasured((done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1])
    return json.loads(done.stdout.splitlines()[-1])


def peak_mb(pid: str = "self") -> float:
    """The most memory that a process held. Not `ru_maxrss`: that of a child begins with what its parent held."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
