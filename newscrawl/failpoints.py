"""Named places where a test may end the process, or have the disk fill up, before and after every durable step.

The environment variable NEWSCRAWL_FAILPOINT holds `name`, `name:n` (the n-th passing, 1 by default) or
`name:n:enospc`. Without it a fail point costs one comparison. The default ends the process by SIGKILL, so that nothing
is flushed, closed or caught on the way.
"""

from __future__ import annotations

import errno
import os
import signal
from dataclasses import dataclass

NAMES = (
    "store.create.before_rename",
    "store.create.after_rename",
    "store.begin_run.before_commit",
    "store.begin_run.after_commit",
    "store.settle.before",
    "store.settle.between",
    "store.settle.after",
    "store.commit.before",
    "store.commit.after",
    "store.end_run.before_commit",
    "store.end_run.after_commit",
    "feeds.cut.before",
    "feeds.cut.after",
    "feeds.create.before",
    "feeds.create.after",
    "feeds.create.recorded",
    "feeds.write.before",
    "feeds.write.torn",
    "feeds.write.after",
    "feeds.fsync.after",
    "feeds.record.before",
    "feeds.record.after",
    "feeds.part.before_close",
    "feeds.part.after_close",
    "manifest.write.before",
    "manifest.write.after",
    "manifest.fsync.after",
    "manifest.rename.after",
    "manifest.done",
)
"""Every fail point, for tests that sweep them."""


@dataclass(slots=True)
class _Armed:
    name: str
    left: int
    enospc: bool


_armed: _Armed | None = None


def arm(spec: str | None) -> None:
    """Arm the fail point that `spec` names (form: see the module), or none; ValueError for an unknown name or mode."""
    global _armed  # noqa: PLW0603  (one per process: a passing must cost one comparison)
    if not spec:
        _armed = None
        return
    name, _, rest = spec.partition(":")
    count, _, mode = rest.partition(":")
    if name not in NAMES or mode not in {"", "kill", "enospc"} or not (count or "1").isdecimal():
        msg = (
            f"NEWSCRAWL_FAILPOINT={spec}: no such fail point; the form is name[:n[:enospc]], names: {', '.join(NAMES)}"
        )
        raise ValueError(msg)
    _armed = _Armed(name, int(count or "1"), mode == "enospc")


def fail_at(name: str) -> None:
    """End the process here, or raise OSError(ENOSPC), if this is the armed passing of this fail point."""
    if _armed is not None and _armed.name == name:
        _pass(_armed)


def due(name: str) -> bool:
    """Answer whether the next passing of `name` is the armed one, for a caller that does half of its work before it."""
    return _armed is not None and _armed.name == name and _armed.left == 1


def _pass(armed: _Armed) -> None:
    armed.left -= 1
    if armed.left:
        return
    if armed.enospc:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.kill(os.getpid(), signal.SIGKILL)


arm(os.environ.get("NEWSCRAWL_FAILPOINT"))
