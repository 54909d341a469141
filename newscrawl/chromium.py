"""The program Chromium: where it lies, how it is started, and the memory that it takes."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

_BINARIES: Final = ("chromium", "chromium-browser", "google-chrome")
_FLAGS: Final = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Nothing is looked up or sent beside the proxy; loopback goes through it as well.
    "--proxy-bypass-list=<-loopback>",
    "--dns-prefetch-disable",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
)
_ENVIRONMENT: Final = ("PATH", "HOME", "LANG", "TMPDIR", "FONTCONFIG_PATH")
"""What the browser is told of the operator's environment, which may hold secrets."""


def hindrance(settings: BaseSettings) -> str | None:
    """Why there can be no browser, with the next step; None where there can."""
    if settings.getbool("HTTPPROXY_ENABLED"):
        return "a browser would go around the proxies of HTTPPROXY_ENABLED; switch one of the two off (-a render=never)"
    for name in ("PLAYWRIGHT_CDP_URL", "PLAYWRIGHT_CONNECT_URL"):
        if settings.get(name):
            return f"{name}: what a browser elsewhere asks for cannot be guarded; unset it and install chromium here"
    path = executable(settings)
    if path is None or not os.access(path, os.X_OK):
        return f"no browser at {path or ', '.join(_BINARIES)}; apt-get install chromium, or name one in PLAYWRIGHT_LAUNCH_OPTIONS"
    return None


def executable(settings: BaseSettings) -> str | None:
    """Path of the browser: the operator's, or the first that is found."""
    named = settings.getdict("PLAYWRIGHT_LAUNCH_OPTIONS").get("executable_path")
    return named or next(filter(None, map(shutil.which, _BINARIES)), None)


def launch_options(settings: BaseSettings, proxy: str) -> dict[str, Any]:
    """How the browser is started; the operator's PLAYWRIGHT_LAUNCH_OPTIONS may add to it, not open its ways out."""
    options = settings.getdict("PLAYWRIGHT_LAUNCH_OPTIONS")
    return {
        "headless": True,
        # Chromium refuses its sandbox to root; everybody else has it.
        "chromium_sandbox": os.geteuid() != 0,
        "env": {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        # The crawl ends the browser when its pages are through, not the terminal's Ctrl-C.
        "handle_sigint": False,
        "handle_sigterm": False,
        "handle_sighup": False,
        **options,
        "executable_path": executable(settings),
        "args": [*options.get("args", ()), *_FLAGS],
        # Without a ticket nothing passes: what the browser asks for on its own account.
        "proxy": {"server": proxy},
    }


def memory_below(pid: int | None = None) -> int:
    """Bytes of own memory of all processes below one (None: this one), as Linux counts them; elsewhere 0."""
    total = 0
    # A process may end while it is looked at.
    with contextlib.suppress(OSError, ValueError, IndexError):
        for task in Path(f"/proc/{pid or os.getpid()}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                status = Path(f"/proc/{child}/status").read_text()
                total += (int(status.partition("RssAnon:")[2].split()[0]) << 10) + memory_below(child)
    return total
