"""`newscrawl-schedule`: crawls at their times, by systemd timers or cron, which ask Scrapyd's schedule.json.

Scrapyd has no schedules by decision of its maintainers, and a scheduler of our own would be one more service to watch:
systemd and cron are there already. What is planned stands in `schedules.toml`; a missed time is caught up once.
"""

from __future__ import annotations

import argparse
import base64
import json
import netrc
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zlib
from configparser import ConfigParser
from configparser import Error as ConfigError
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from newscrawl.arguments import MODES, ArgumentError, Arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PROJECT: Final = "newscrawl"
SPIDER: Final = "aggregator"
_KEYS: Final = ("site", "mode", "every", "at", "jitter", "arguments", "settings", "data")
_TOP: Final = ("schedule", "scrapyd", "data", "settings")
_LENGTHS: Final = {"m": 60, "h": 3600, "d": 86400}
# What both a crontab and a calendar timer can say without drifting: a part of the hour, of the day, days, a week.
_EVERY: Final = ("5m", "10m", "15m", "20m", "30m", "1h", "2h", "3h", "4h", "6h", "8h", "12h", "1d", "7d")
_TICK: Final = 5
"""Minutes between two looks of cron at a schedule."""
_TIMEOUT: Final = 20.0
_UNIT: Final = "newscrawl-schedule-"
_BEGIN, _END = "# newscrawl-schedule: begin", "# newscrawl-schedule: end"
_BUSY: Final = 75
"""Exit status of a run that could not be asked for now (EX_TEMPFAIL): systemd and cron try again."""


class ScheduleError(Exception):
    """Something cannot be scheduled; the text is one line: the thing, the reason, the next step."""


class BusyError(ScheduleError):
    """Another crawl works on the same data folder; to be tried again later."""


@dataclass(frozen=True, slots=True)
class Server:
    """A Scrapyd and how to speak to it."""

    url: str
    """ends in a slash"""
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Schedule:
    """One crawl that is asked for again and again."""

    name: str
    arguments: Mapping[str, str]
    """of the spider: site, mode and the others"""
    settings: Mapping[str, str]
    every: int
    """seconds"""
    at: int
    """seconds after midnight (local time) that times are counted from"""
    jitter: int
    """seconds by which a time is put off at most"""
    data: str
    """data folder on Scrapyd's machine"""

    def last(self, now: datetime) -> datetime:
        """The newest time up to `now`, without its jitter."""
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        if self.every > _LENGTHS["d"]:
            midnight -= timedelta(days=now.weekday())
        first = midnight + timedelta(seconds=self.at)
        while first > now:
            first -= timedelta(seconds=max(self.every, _LENGTHS["d"]))
        return first + timedelta(seconds=(now - first) // timedelta(seconds=self.every) * self.every)

    def due(self, moment: datetime) -> datetime:
        """A time with its jitter, which is the same whenever it is asked for."""
        spread = zlib.crc32(f"{self.name} {moment.isoformat()}".encode())
        return moment + timedelta(seconds=spread % (self.jitter + 1))

    @property
    def calendar(self) -> str:
        """The times as systemd writes them (OnCalendar)."""
        hour, minute = divmod(self.at // 60, 60)
        if self.every < 3600:
            step = self.every // 60
            return f"*-*-* *:{minute % step:02d}/{step}:00"
        if self.every < _LENGTHS["d"]:
            step = self.every // 3600
            return f"*-*-* {hour % step:02d}/{step}:{minute:02d}:00"
        return f"{'Mon ' if self.every > _LENGTHS['d'] else ''}*-*-* {hour:02d}:{minute:02d}:00"


@dataclass(frozen=True, slots=True)
class Plan:
    """A schedules.toml as read."""

    path: Path
    server: Server
    schedules: tuple[Schedule, ...]


def state_folder() -> Path:
    """Where Scrapyd keeps its configuration, eggs, logs and jobs: NEWSCRAWL_SCRAPYD, or the XDG state directory."""
    if named := os.environ.get("NEWSCRAWL_SCRAPYD"):
        return Path(named).absolute()
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "newscrawl" / "scrapyd"


# Reading schedules.toml


def read_plan(path: Path) -> Plan:
    """Read and check a schedules.toml.

    Raises:
        ScheduleError: it cannot be used; line and key are named.
    """
    try:
        text = path.read_text("utf-8")
        parsed = tomllib.loads(text)
    except OSError as error:
        raise ScheduleError(
            f"{path}: {error.strerror}: write one, as docs/operate.md shows, or name it with --file"
        ) from None
    except UnicodeDecodeError as error:
        raise ScheduleError(f"{path}: no UTF-8 text: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ScheduleError(f"{path}: {error}") from None
    reading = _Reading(path, text, parsed)
    return Plan(path, _server(reading), tuple(reading.schedules()))


class _Reading:
    """One reading of a schedules.toml, that can say where a key stands."""

    def __init__(self, path: Path, text: str, parsed: dict[str, Any]) -> None:
        self._path = path
        self._lines = text.splitlines()
        self.parsed = parsed
        for key in parsed:
            if key not in _TOP:
                raise self.error("", key, f"is unknown: valid are {', '.join(_TOP)}")
        root = parsed.get("data", str(state_folder() / "data"))
        if not isinstance(root, str) or not root.startswith("/"):
            raise self.error("", "data", "must be an absolute path on Scrapyd's machine")
        self._root = root.rstrip("/")

    def error(self, table: str, key: str, what: str) -> ScheduleError:
        """What is wrong with a key, with its line."""
        shown = f"{table}.{key}" if table and key else table or key
        return ScheduleError(f"{self._path}: line {self._line(table, key)}: {shown} {what}")

    def schedules(self) -> Iterator[Schedule]:
        """Each `[schedule.NAME]`, checked."""
        tables = self.parsed.get("schedule", {})
        if not isinstance(tables, dict) or not tables:
            raise self.error("", "schedule", "is missing or empty: write at least one [schedule.NAME]")
        for name, table in tables.items():
            where = f"schedule.{name}"
            if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
                raise self.error(where, "", "is no name: lower-case letters, digits and single hyphens")
            if not isinstance(table, dict):
                raise self.error("schedule", name, f"must be a table: [schedule.{name}]")
            yield self._schedule(name, where, table)

    def _schedule(self, name: str, where: str, table: dict[str, Any]) -> Schedule:
        for key in table:
            if key not in _KEYS:
                raise self.error(where, key, f"is unknown: valid are {', '.join(_KEYS)}")
        for key in ("site", "every"):
            if key not in table:
                raise self.error(where, "", f"has no {key}")
        mode = table.get("mode", "latest")
        if mode not in MODES:
            raise self.error(where, "mode", f"is none of {', '.join(MODES)}")
        site = table["site"]
        sites = [site] if isinstance(site, str) else site
        if not isinstance(sites, list) or not all(isinstance(one, str) for one in sites):
            raise self.error(where, "site", "must be a text or a list of texts")
        if table["every"] not in _EVERY:
            raise self.error(where, "every", f"is none of {', '.join(_EVERY)}")
        every = _seconds(table["every"])
        arguments = {"site": ",".join(sites), "mode": mode, **self._texts(where, "arguments", table)}
        seeds = arguments.get("seeds", "")
        if seeds and not seeds.startswith(("/", "http://", "https://")):
            raise self.error(
                where, "arguments", "seeds must be an absolute path or an address: Scrapyd works in a folder of its own"
            )
        try:
            Arguments.parse(dict(arguments))
        except ArgumentError as error:
            key = str(error).removeprefix("argument ").split(":")[0]
            raise self.error(where, key if key in table else "arguments", f"cannot be used: {error}") from None
        data = table.get("data", f"{self._root}/{'-'.join(sites)}")
        if not isinstance(data, str) or not data.startswith("/"):
            raise self.error(where, "data", "must be an absolute path on Scrapyd's machine")
        settings = {**self._texts("", "settings", self.parsed), **self._texts(where, "settings", table)}
        jitter = self._length(where, "jitter", table.get("jitter", "0m"))
        if jitter >= every:
            raise self.error(where, "jitter", "must be shorter than every")
        return Schedule(
            name, arguments, {**settings, "NEWSCRAWL_DATA": data}, every, self._at(where, table), jitter, data
        )

    def _texts(self, where: str, key: str, table: dict[str, Any]) -> dict[str, str]:
        """A table of texts, numbers and truths as the texts that Scrapyd passes on."""
        given = table.get(key, {})
        if not isinstance(given, dict):
            raise self.error(where, key, "must be a table")
        for name, value in given.items():
            if not isinstance(value, (str, int, float)):
                raise self.error(f"{where}.{key}" if where else key, name, "must be a text or a number")
        return {name: str(value) for name, value in given.items()}

    def _length(self, where: str, key: str, given: object) -> int:
        if not isinstance(given, str) or not re.fullmatch(r"[0-9]{1,4}[mhd]", given):
            raise self.error(where, key, 'is no length of time: write it "20m", "2h" or "1d"')
        return _seconds(given)

    def _at(self, where: str, table: dict[str, Any]) -> int:
        given = table.get("at", "00:00")
        if not isinstance(given, str) or not (match := re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])", given)):
            raise self.error(where, "at", 'is no time of day: write it "03:30"')
        return int(match[1]) * 3600 + int(match[2]) * 60

    def _line(self, table: str, key: str) -> int:
        """The line of a key, or of the nearest thing above it that is written down."""
        current, best = "", 1
        for number, line in enumerate(self._lines, 1):
            if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line):
                current = header[1].replace('"', "")
                if table and (table == current or table.startswith(f"{current}.")):
                    best = number
                elif key and not table and (current == key or current.startswith(f"{key}.")):
                    return number
            elif key and current == table and re.match(rf'\s*"?{re.escape(key)}"?\s*[=.]', line):
                return number
            elif table.startswith(f"{current}.") and re.match(
                rf"\s*{re.escape(table.removeprefix(current + '.'))}\s*=", line
            ):
                best = number
        return best


def _seconds(length: str) -> int:
    return int(length[:-1]) * _LENGTHS[length[-1]]


def _server(reading: _Reading) -> Server:
    """The Scrapyd of the plan: the one started here, or a named one with credentials from ~/.netrc."""
    named = reading.parsed.get("scrapyd")
    if named is None:
        return local_server()
    if not isinstance(named, str) or urlsplit(named).scheme not in {"http", "https"} or not urlsplit(named).hostname:
        raise reading.error("", "scrapyd", "must be an http or https address")
    url = named if named.endswith("/") else f"{named}/"
    try:
        found = netrc.netrc().authenticators(urlsplit(url).hostname or "")
    except FileNotFoundError:
        found = None
    except (OSError, netrc.NetrcParseError) as error:
        raise ScheduleError(f"~/.netrc: cannot be read: {error}") from None
    if not found:
        raise reading.error(
            "",
            "scrapyd",
            f"needs a user and password: add `machine {urlsplit(url).hostname} login … password …` to ~/.netrc",
        )
    return Server(url, found[0], found[2])


def local_server() -> Server:
    """The Scrapyd of this machine, by the configuration that its first start wrote.

    Raises:
        ScheduleError: it was never started, or the file cannot be read.
    """
    path = state_folder() / "scrapyd.conf"
    config = ConfigParser(interpolation=None)
    try:
        with path.open(encoding="utf-8") as file:
            config.read_file(file)
        section = config["scrapyd"]
        return Server(
            f"http://{section['bind_address']}:{section['http_port']}/", section["username"], section["password"]
        )
    except FileNotFoundError:
        raise ScheduleError(
            f"{path}: no Scrapyd was started here: `make scrapyd` writes it, or name one with `scrapyd =`"
        ) from None
    except OSError as error:
        raise ScheduleError(f"{path}: {error.strerror}: run this as the user who started Scrapyd") from None
    except (ConfigError, KeyError) as error:
        raise ScheduleError(f"{path}: not a Scrapyd configuration with user and password ({error})") from None


# Asking Scrapyd


def ask(server: Server, name: str, values: list[tuple[str, str]] | None = None) -> dict[str, Any]:
    """Call one of Scrapyd's services; `values` make it a POST.

    Raises:
        ScheduleError: it does not answer, refuses the credentials, or is something else.
    """
    request = Request(server.url + name, urlencode(values).encode() if values is not None else None)  # noqa: S310  (checked)
    token = base64.b64encode(f"{server.user}:{server.password}".encode()).decode()
    request.add_header("Authorization", f"Basic {token}")
    try:
        # No proxy: a loopback address must not leave the machine with a password.
        with build_opener(ProxyHandler({})).open(request, timeout=_TIMEOUT) as answer:
            said = json.load(answer)
    except HTTPError as error:
        if error.code == 401:
            raise ScheduleError(
                f"{server.url}: user or password refused (401): they changed since scrapyd.conf was written; restart Scrapyd, or mend ~/.netrc"
            ) from None
        raise ScheduleError(
            f"{server.url}{name}: answers {error.code}: is this Scrapyd, and not a proxy before it?"
        ) from None
    except (URLError, OSError) as error:
        raise ScheduleError(
            f"{server.url}: no answer ({getattr(error, 'reason', error)}): start Scrapyd with `make scrapyd`"
        ) from None
    except ValueError:
        raise ScheduleError(f"{server.url}{name}: no JSON in its answer: this is no Scrapyd") from None
    if not isinstance(said, dict) or said.get("status") != "ok":
        why = said.get("message") if isinstance(said, dict) else said
        hint = ": deploy with `make deploy`" if "not found" in str(why) else ""
        raise ScheduleError(f"{server.url}{name}: {' '.join(str(why).split())}{hint}")
    return said


def submit(plan: Plan, schedule: Schedule, now: datetime) -> str:
    """Ask Scrapyd for a crawl, unless one of this schedule is waiting or running; answers what happened.

    Raises:
        BusyError: a crawl of another schedule works on the same data folder.
        ScheduleError: Scrapyd cannot be asked.
    """
    jobs = ask(plan.server, f"listjobs.json?project={PROJECT}")
    others = {other.name: other for other in plan.schedules}
    for state in ("pending", "running"):
        for job in jobs.get(state, []):
            name = str(job["id"]).rpartition(".")[0]
            if name == schedule.name:
                return f"{schedule.name}: not asked for again, {job['id']} is {state}"
            if name in others and others[name].data == schedule.data:
                raise BusyError(f"{schedule.name}: put off, {job['id']} is {state} on the same data folder")
    answer = ask(plan.server, "schedule.json", _form(schedule, now))
    return f"{schedule.name}: job {answer['jobid']}"


def _form(schedule: Schedule, now: datetime) -> list[tuple[str, str]]:
    """What is sent to schedule.json."""
    form = [("project", PROJECT), ("spider", SPIDER), ("jobid", f"{schedule.name}.{now.strftime('%Y%m%dT%H%M%S')}")]
    form += schedule.arguments.items()
    return form + [("setting", f"{name}={value}") for name, value in schedule.settings.items()]


def tick(plan: Plan, now: datetime, say: Callable[[str], None]) -> int:
    """What cron calls: ask for each schedule whose time has come since it was last asked for; the number of failures.

    However many times were missed, the newest alone is caught up.
    """
    failures = 0
    for schedule in plan.schedules:
        stamp = _stamp(schedule)
        newest = schedule.last(now)
        if not stamp.exists():
            _touch(stamp, newest)  # a new schedule begins with its next time
            continue
        if datetime.fromtimestamp(stamp.stat().st_mtime, now.tzinfo) >= newest or now < schedule.due(newest):
            continue
        try:
            say(submit(plan, schedule, now))
            _touch(stamp, newest)
        except BusyError as error:
            say(str(error))
        except ScheduleError as error:
            print(f"newscrawl: {error}", file=sys.stderr)
            failures += 1
    return failures


def _stamp(schedule: Schedule) -> Path:
    """File whose time is the newest time that was asked for."""
    return state_folder() / "schedule" / schedule.name


def _touch(stamp: Path, moment: datetime) -> None:
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.touch()
    os.utime(stamp, (moment.timestamp(), moment.timestamp()))


# Installing


def units(plan: Plan) -> dict[str, str]:
    """Units of systemd by file name: a timer and a service for each schedule."""
    files: dict[str, str] = {}
    for schedule in plan.schedules:
        files[f"{_UNIT}{schedule.name}.service"] = f"""\
[Unit]
Description=newscrawl: ask Scrapyd for the crawl {schedule.name}
After=network-online.target
StartLimitIntervalSec=2h
StartLimitBurst=12

[Service]
Type=oneshot
Environment={_unit_word(f"NEWSCRAWL_SCRAPYD={state_folder()}")}
ExecStart={_command(plan, "run", schedule.name, quote=_unit_word)}
# Scrapyd may be restarting, or another crawl be at work on the same data.
Restart=on-failure
RestartSec=5min
"""
        files[f"{_UNIT}{schedule.name}.timer"] = f"""\
[Unit]
Description=newscrawl: times of the crawl {schedule.name}

[Timer]
OnCalendar={schedule.calendar}
RandomizedDelaySec={schedule.jitter}
# Times that were missed while the machine was off are caught up, once.
Persistent=true

[Install]
WantedBy=timers.target
"""
    return files


def crontab(plan: Plan, before: str) -> str:
    """A crontab with our block in place of an older one."""
    kept = re.sub(rf"{re.escape(_BEGIN)}\n.*?{re.escape(_END)}\n?", "", before, flags=re.DOTALL)
    if not plan.schedules:
        return kept
    if kept and not kept.endswith("\n"):
        kept += "\n"
    lines = [f"#   {schedule.name}: {_words(schedule)}" for schedule in plan.schedules]
    command = f"NEWSCRAWL_SCRAPYD={shlex.quote(str(state_folder()))} {_command(plan, 'tick')}".replace("%", r"\%")
    return f"{kept}{_BEGIN}\n" + "\n".join(lines) + f"\n*/{_TICK} * * * * {command}\n{_END}\n"


def _command(plan: Plan, *words: str, quote: Callable[[str], str] = shlex.quote) -> str:
    program = Path(sys.executable).with_name("newscrawl-schedule")
    started = [str(program)] if program.exists() else [sys.executable, "-m", "newscrawl.schedule"]
    return " ".join(quote(word) for word in (*started, "--file", str(plan.path.absolute()), *words))


def _unit_word(word: str) -> str:
    """A word of a systemd unit."""
    word = word.replace("\\", "\\\\").replace('"', r"\"").replace("%", "%%").replace("$", "$$")
    return f'"{word}"' if re.search(r"\s", word) else word


def _install_systemd(plan: Plan, folder: Path | None, *, dry: bool) -> None:
    target = folder or (Path("/etc/systemd/system") if os.geteuid() == 0 else Path.home() / ".config/systemd/user")
    files = units(plan)
    stale = [path for path in sorted(target.glob(f"{_UNIT}*")) if path.name not in files] if target.is_dir() else []
    if dry:
        for name, text in files.items():
            print(f"# would write {target / name}\n{text}")
        for path in stale:
            print(f"# would remove {path}")
        return
    if folder is None:
        _systemctl("list-timers")  # where no systemd answers, nothing is written
    try:
        target.mkdir(parents=True, exist_ok=True)
        if folder is None:
            for path in stale:
                if path.suffix == ".timer":
                    _systemctl("disable", "--now", path.name)
        for path in stale:
            path.unlink()
        for name, text in files.items():
            (target / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ScheduleError(f"{error.filename}: {error.strerror}") from None
    if folder is None:
        _systemctl("daemon-reload")
        if timers := [name for name in files if name.endswith(".timer")]:
            _systemctl("enable", "--now", *timers)
    print(f"{len(files) // 2} timers in {target}" + (f", {len(stale)} old files removed" if stale else ""))


def _systemctl(*words: str) -> None:
    user = [] if os.geteuid() == 0 else ["--user"]
    done = _ran(["systemctl", *user, *words])
    if done.returncode:
        raise ScheduleError(
            f"systemctl {words[0]}: {' '.join(done.stderr.split())}: on a machine without systemd use --cron"
        )


def _install_cron(plan: Plan, *, dry: bool) -> None:
    listed = _ran(["crontab", "-l"])
    if listed.returncode and "no crontab" not in listed.stderr:
        raise ScheduleError(f"crontab -l: {' '.join(listed.stderr.split())}")
    text = crontab(plan, listed.stdout if not listed.returncode else "")
    if dry:
        print(text, end="")
        return
    done = _ran(["crontab", "-"], text)
    if done.returncode:
        raise ScheduleError(f"crontab: {' '.join(done.stderr.split())}")
    now = datetime.now().astimezone()
    for schedule in plan.schedules:
        if not _stamp(schedule).exists():
            _touch(_stamp(schedule), schedule.last(now))
    if plan.schedules:
        print(f"{len(plan.schedules)} schedules in the crontab, looked at every {_TICK} minutes")
    else:
        print("no schedules in the crontab any more")


def _ran(command: list[str], given: str = "") -> subprocess.CompletedProcess[str]:
    if shutil.which(command[0]) is None:
        raise ScheduleError(
            f"{command[0]}: no such program on this machine: install it, or use the other of --systemd and --cron"
        )
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)  # noqa: S603  (words of our own)


# The command line


def _words(schedule: Schedule) -> str:
    given = " ".join(f"{name}={value}" for name, value in schedule.arguments.items())
    return f"{given}; {schedule.calendar}" + (f", up to {schedule.jitter // 60} min later" if schedule.jitter else "")


def _show(plan: Plan, now: datetime) -> None:
    print(f"{plan.path}: {len(plan.schedules)} schedules at {plan.server.url}")
    for schedule in plan.schedules:
        following = [schedule.last(now) + timedelta(seconds=schedule.every * number) for number in (1, 2)]
        shown = ", ".join(f"{moment:%a %Y-%m-%d %H:%M}" for moment in following)
        print(f"{schedule.name}\n  {_words(schedule)}\n  data {schedule.data}\n  next {shown}")
        for name, value in schedule.settings.items():
            if name != "NEWSCRAWL_DATA":
                print(f"  {name} = {value}")


def main(words: list[str] | None = None) -> int:
    """`newscrawl-schedule`: 0 where it is done, 75 where a crawl is to be asked for later, 2 where something is wrong."""
    parser = argparse.ArgumentParser(prog="newscrawl-schedule", description="Crawls at their times, through Scrapyd.")
    parser.add_argument("--file", type=Path, default=Path("schedules.toml"), help="the plan (default: %(default)s)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("plan", help="check the file and show what is planned")
    install = commands.add_parser("install", help="put the plan in force, and take away what is no longer in it")
    remove = commands.add_parser("remove", help="take all of it away")
    for command in (install, remove):
        way = command.add_mutually_exclusive_group(required=True)
        way.add_argument("--systemd", action="store_true", help="timers: of the system for root, else of the user")
        way.add_argument("--cron", action="store_true", help="lines in your crontab")
        command.add_argument("--into", type=Path, help="with --systemd: only write the units into this folder")
        command.add_argument("--dry-run", action="store_true", help="show what would be written")
    run = commands.add_parser("run", help="ask Scrapyd for one crawl now")
    run.add_argument("name")
    run.add_argument("--dry-run", action="store_true", help="show what would be sent")
    commands.add_parser("tick", help="ask for what is due (what the crontab calls)")
    given = parser.parse_args(words)
    try:
        status = _do(given, datetime.now().astimezone())
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has seen enough
        return 0
    except BusyError as error:
        print(f"newscrawl: {error}", file=sys.stderr)
        return _BUSY
    except ScheduleError as error:
        print(f"newscrawl: {error}", file=sys.stderr)
        return 2
    return status


def _do(given: argparse.Namespace, now: datetime) -> int:
    nothing = Plan(given.file, Server("", "", ""), ())
    plan = nothing if given.command == "remove" else read_plan(given.file)
    match given.command:
        case "plan":
            _show(plan, now)
        case "install" | "remove" if given.systemd:
            _install_systemd(plan, given.into, dry=given.dry_run)
        case "install" | "remove":
            _install_cron(plan, dry=given.dry_run)
        case "run":
            schedule = next((one for one in plan.schedules if one.name == given.name), None)
            if schedule is None:
                known = ", ".join(one.name for one in plan.schedules)
                raise ScheduleError(f"{plan.path}: no schedule {given.name!r}: choose from {known}")
            if given.dry_run:
                print(f"POST {plan.server.url}schedule.json")
                for name, value in _form(schedule, now):
                    print(f"  {name} = {value}")
            else:
                print(submit(plan, schedule, now))
        case "tick":
            return 2 if tick(plan, now, print) else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
