"""schedules.toml, what is made of it for systemd and cron, and the crawls that are caught up."""

import shutil
import stat
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from newscrawl import schedule as module
from newscrawl.schedule import BusyError, ScheduleError, Server, crontab, main, read_plan, state_folder, tick, units
from tests.conftest import ROOT

NOW = datetime.fromisoformat("2026-11-23T10:20:00+01:00")  # a Monday
TWO = """\
[settings]
NEWSCRAWL_LINGER = 60

[schedule.maghress]
site = "maghress"
every = "1d"
at = "03:30"
jitter = "20m"

[schedule.turess-archive]
site = ["turess", "djazairess"]
mode = "archive"
every = "7d"
arguments = { edition = "ar", limit = 500 }
settings = { NEWSCRAWL_ALERT_FILE = "/var/log/a b.txt" }
"""


@pytest.fixture(autouse=True)
def started(tmp_path, monkeypatch):
    """A Scrapyd that was started once."""
    folder = tmp_path / "scrapyd"
    folder.mkdir()
    monkeypatch.setenv("NEWSCRAWL_SCRAPYD", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    (folder / "scrapyd.conf").write_text(
        "[scrapyd]\nbind_address = 127.0.0.1\nhttp_port = 6801\nusername = u\npassword = p%w\n"
    )
    return folder


def plan_of(tmp_path, text=TWO):
    path = tmp_path / "schedules.toml"
    path.write_text(text, "utf-8")
    return read_plan(path)


def test_a_plan_is_read(tmp_path, started):
    plan = plan_of(tmp_path)
    assert plan.server == Server("http://127.0.0.1:6801/", "u", "p%w")
    daily, weekly = plan.schedules
    assert daily.arguments == {"site": "maghress", "mode": "latest"}
    assert daily.settings == {"NEWSCRAWL_LINGER": "60", "NEWSCRAWL_DATA": f"{started}/data/maghress"}
    assert weekly.arguments == {"site": "turess,djazairess", "mode": "archive", "edition": "ar", "limit": "500"}
    assert weekly.data == f"{started}/data/turess-djazairess"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[schedule.a]\nsite = \n", "Invalid value (at line 2, column 8)"),
        ("a = 1\n", "line 1: a is unknown: valid are schedule, scrapyd, data, settings"),
        ("", "line 1: schedule is missing or empty"),
        ('[schedule.a]\nevery = "1d"\n', "line 1: schedule.a has no site"),
        ('# x\n[schedule.a]\nsite = "demo"\n', "line 2: schedule.a has no every"),
        ('[schedule.a]\nsite = "demo"\nevery = "7h"\n', "line 3: schedule.a.every is none of 5m, 10m"),
        ('[schedule.a]\nsite = "demo"\n\nevery = "1d"\nwhen = "x"\n', "line 5: schedule.a.when is unknown: valid are site"),
        ('[schedule.a]\nsite = "nosite"\nevery = "1d"\n', "line 2: schedule.a.site cannot be used: argument site: "),
        ('[schedule.a]\nsite = 5\nevery = "1d"\n', "line 2: schedule.a.site must be a text"),
        ('[schedule.a]\nsite = "demo"\nmode = "all"\nevery = "1d"\n', "line 3: schedule.a.mode is none of latest"),
        ('[schedule.a]\nsite = "demo"\nevery = "1d"\nat = "25:00"\n', "line 4: schedule.a.at is no time of day"),
        ('[schedule.a]\nsite = "demo"\nevery = "1d"\njitter = 5\n', "line 4: schedule.a.jitter is no length of time"),
        ('[schedule.a]\nsite = "demo"\nevery = "1h"\njitter = "1h"\n', "line 4: schedule.a.jitter must be shorter than every"),
        ('[schedule.a]\nsite = "demo"\nevery = "1d"\ndata = "x"\n', "line 4: schedule.a.data must be an absolute path"),
        ('[schedule.a]\nsite = "demo"\nevery = "1d"\narguments = { limit = "x" }\n', "line 4: schedule.a.arguments cannot be used: argument limit"),
        ('[schedule.a]\nsite = "demo"\nevery = "1d"\n[schedule.a.arguments]\nedition = ["ar"]\n', "line 5: schedule.a.arguments.edition must be a text"),
        ('[schedule.a]\nsite = "demo"\nevery = "1d"\narguments = { seeds = "x.txt" }\n', "line 4: schedule.a.arguments seeds must be an absolute"),
        ('[schedule."A b"]\nsite = "demo"\n', "line 1: schedule.A b is no name"),
        ('scrapyd = "nowhere"\n[schedule.a]\nsite = "demo"\nevery = "1d"\n', "line 1: scrapyd must be an http"),
        ('scrapyd = "https://x.example/"\n[schedule.a]\nsite = "demo"\nevery = "1d"\n', "needs a user and password: add `machine x.example"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_line_and_key(text, says, tmp_path, capsys):
    (tmp_path / "schedules.toml").write_text(text, "utf-8")
    assert main(["--file", str(tmp_path / "schedules.toml"), "plan"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"newscrawl: {tmp_path}/schedules.toml: ")
    assert says in error
    assert len(error.splitlines()) == 1


def test_a_remote_scrapyd_takes_its_credentials_from_netrc(tmp_path):
    (tmp_path / ".netrc").write_text("machine x.example login a password b\n")
    (tmp_path / ".netrc").chmod(0o600)
    plan = plan_of(tmp_path, f'scrapyd = "https://x.example/crawls"\n{TWO}')
    assert plan.server == Server("https://x.example/crawls/", "a", "b")


def test_without_a_scrapyd_the_next_step_is_named(tmp_path, started):
    (started / "scrapyd.conf").unlink()
    with pytest.raises(ScheduleError, match="no Scrapyd was started here: `make scrapyd`"):
        plan_of(tmp_path)
    (started / "scrapyd.conf").write_text("[other]\n")
    with pytest.raises(ScheduleError, match="not a Scrapyd configuration"):
        plan_of(tmp_path)


def one(tmp_path, every, at="00:00", jitter="0m"):
    text = f'[schedule.a]\nsite = "demo"\nevery = "{every}"\nat = "{at}"\njitter = "{jitter}"\n'
    return plan_of(tmp_path, text).schedules[0]


@pytest.mark.parametrize(
    ("every", "at", "calendar", "last"),
    [
        ("15m", "00:05", "*-*-* *:05/15:00", "2026-11-23T10:20"),
        ("1h", "00:10", "*-*-* 00/1:10:00", "2026-11-23T10:10"),
        ("6h", "03:30", "*-*-* 03/6:30:00", "2026-11-23T09:30"),
        ("6h", "23:30", "*-*-* 05/6:30:00", "2026-11-23T05:30"),
        ("1d", "03:30", "*-*-* 03:30:00", "2026-11-23T03:30"),
        ("1d", "12:00", "*-*-* 12:00:00", "2026-11-22T12:00"),
        ("7d", "03:30", "Mon *-*-* 03:30:00", "2026-11-23T03:30"),
        ("7d", "11:00", "Mon *-*-* 11:00:00", "2026-11-16T11:00"),
    ],
)
def test_times_are_the_same_for_systemd_and_cron(every, at, calendar, last, tmp_path):
    schedule = one(tmp_path, every, at)
    assert schedule.calendar == calendar
    assert schedule.last(NOW).strftime("%Y-%m-%dT%H:%M") == last
    if analyze := shutil.which("systemd-analyze"):
        done = subprocess.run(
            [analyze, "calendar", "--base-time=2026-11-23 10:20:00 UTC", calendar],
            capture_output=True, text=True, env={"TZ": "UTC", "PATH": "/usr/bin"}, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        following = schedule.last(NOW) + timedelta(seconds=schedule.every)
        assert following.strftime("%Y-%m-%d %H:%M:00") in done.stdout


def test_the_jitter_of_a_time_is_always_the_same(tmp_path):
    schedule = one(tmp_path, "1h", jitter="20m")
    spread = {schedule.due(NOW + timedelta(hours=n)) - (NOW + timedelta(hours=n)) for n in range(50)}
    assert len(spread) > 30
    assert all(timedelta(0) <= delay <= timedelta(minutes=20) for delay in spread)
    assert schedule.due(NOW) == schedule.due(NOW)


def test_missed_times_are_caught_up_once(tmp_path, monkeypatch):
    plan = plan_of(tmp_path, '[schedule.a]\nsite = "demo"\nevery = "1h"\n')
    asked = []
    monkeypatch.setattr(module, "submit", lambda plan, schedule, now: asked.append(now) or "a: job 1")
    for minute in (0, 5, 10):
        assert tick(plan, NOW + timedelta(minutes=minute), print) == 0
    assert asked == []  # the time before the schedule came into force is not caught up
    later = NOW + timedelta(days=3)
    for minute in (0, 5, 10):
        tick(plan, later + timedelta(minutes=minute), print)
    assert asked == [later]
    tick(plan, later + timedelta(minutes=45), print)
    assert len(asked) == 2


def test_a_time_is_put_off_while_scrapyd_is_away_or_busy(tmp_path, monkeypatch, capsys):
    plan = plan_of(tmp_path, '[schedule.a]\nsite = "demo"\nevery = "1h"\n')
    tick(plan, NOW, print)
    answers = [ScheduleError("no answer"), BusyError("a: put off"), None]

    def submit(plan, schedule, now):
        if answer := answers.pop(0):
            raise answer
        return "a: job 1"

    monkeypatch.setattr(module, "submit", submit)
    later = NOW + timedelta(hours=1)
    assert tick(plan, later, print) == 1
    assert tick(plan, later + timedelta(minutes=5), print) == 0
    assert tick(plan, later + timedelta(minutes=10), print) == 0
    assert tick(plan, later + timedelta(minutes=15), print) == 0
    assert answers == []
    said = capsys.readouterr()
    assert (said.out, said.err) == ("a: put off\na: job 1\n", "newscrawl: no answer\n")


def test_units_are_what_systemd_takes(tmp_path):
    folder = tmp_path / "with space"
    folder.mkdir()
    files = units(plan_of(folder))
    assert sorted(files) == [
        f"newscrawl-schedule-{name}.{kind}" for name in ("maghress", "turess-archive") for kind in ("service", "timer")
    ]
    timer = files["newscrawl-schedule-maghress.timer"]
    assert "OnCalendar=*-*-* 03:30:00\nRandomizedDelaySec=1200\n" in timer
    assert "Persistent=true" in timer
    assert (
        main(["--file", str(folder / "schedules.toml"), "install", "--systemd", "--into", str(tmp_path / "units")]) == 0
    )
    if analyze := shutil.which("systemd-analyze"):
        written = [str(path) for path in (tmp_path / "units").iterdir()]
        done = subprocess.run([analyze, "verify", "--man=no", *written], capture_output=True, text=True, check=False)
        ours = [line for line in done.stderr.splitlines() if "newscrawl" in line]
        assert ours == []
    assert "p%w" not in "".join(files.values())


def test_units_that_are_no_longer_planned_go(tmp_path, capsys):
    into = ["install", "--systemd", "--into", str(tmp_path / "units")]
    plan_of(tmp_path)
    main(["--file", str(tmp_path / "schedules.toml"), *into])
    plan_of(tmp_path, '[schedule.maghress]\nsite = "maghress"\nevery = "1h"\n')
    main(["--file", str(tmp_path / "schedules.toml"), *into, "--dry-run"])
    assert "# would remove" in capsys.readouterr().out
    assert len(list((tmp_path / "units").iterdir())) == 4
    main(["--file", str(tmp_path / "schedules.toml"), *into])
    assert len(list((tmp_path / "units").iterdir())) == 2
    main(["--file", str(tmp_path / "schedules.toml"), "remove", "--systemd", "--into", str(tmp_path / "units")])
    assert list((tmp_path / "units").iterdir()) == []


def test_the_crontab_keeps_what_is_not_ours(tmp_path):
    plan = plan_of(tmp_path)
    mine = "MAILTO=me\n0 1 * * * backup\n"
    once = crontab(plan, mine)
    assert once.startswith(mine)
    assert once.count("\n*/5 * * * * NEWSCRAWL_SCRAPYD=") == 1
    assert "tick" in once
    assert crontab(plan, once) == once
    assert crontab(module.Plan(Path(), plan.server, ()), once) == mine


@pytest.fixture
def fake_crontab(tmp_path, monkeypatch):
    """A crontab(1) that keeps its table in a file."""
    table = tmp_path / "table"
    program = tmp_path / "bin" / "crontab"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = -l ]; then cat {table} 2>/dev/null || {{ echo "no crontab for me" >&2; exit 1; }}\nelse cat > {table}; fi\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return table


def test_cron_is_installed_and_its_line_runs(tmp_path, fake_crontab, started, capsys):
    plan_of(tmp_path, '[schedule.a]\nsite = "demo"\nevery = "1h"\n')
    words = ["--file", str(tmp_path / "schedules.toml"), "install", "--cron"]
    assert main([*words, "--dry-run"]) == 0
    assert not fake_crontab.exists()
    assert main(words) == 0
    assert (started / "schedule" / "a").exists()
    (line,) = [line for line in fake_crontab.read_text().splitlines() if line.startswith("*/5 ")]
    command = line.removeprefix("*/5 * * * * ").replace(r"\%", "%")
    quiet = subprocess.run(["sh", "-c", command], cwd="/", capture_output=True, text=True, check=False)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    assert main(["--file", "unread", "remove", "--cron"]) == 0
    assert fake_crontab.read_text() == ""


def test_a_machine_without_the_program_is_told_so(tmp_path, monkeypatch, capsys):
    plan_of(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["--file", str(tmp_path / "schedules.toml"), "install", "--cron"]) == 2
    assert "crontab: no such program on this machine" in capsys.readouterr().err


def test_what_would_be_sent_is_shown(tmp_path, capsys):
    plan_of(tmp_path)
    assert main(["--file", str(tmp_path / "schedules.toml"), "run", "turess-archive", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("POST http://127.0.0.1:6801/schedule.json\n  project = newscrawl\n  spider = aggregator\n")
    assert "  setting = NEWSCRAWL_ALERT_FILE=/var/log/a b.txt\n" in said
    assert "p%w" not in said
    assert main(["--file", str(tmp_path / "schedules.toml"), "run", "nothing"]) == 2
    assert "no schedule 'nothing': choose from maghress, turess-archive" in capsys.readouterr().err


def test_the_plan_is_shown(tmp_path, capsys):
    plan_of(tmp_path)
    assert main(["--file", str(tmp_path / "schedules.toml"), "plan"]) == 0
    said = capsys.readouterr().out
    assert "maghress\n  site=maghress mode=latest; *-*-* 03:30:00, up to 20 min later\n" in said
    assert said.count("  next ") == 2


def test_it_starts_as_a_program(tmp_path, started):
    plan_of(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "newscrawl.schedule", "--file", str(tmp_path / "schedules.toml"), "plan"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert state_folder() == started


def test_the_example_is_a_plan():
    assert read_plan(ROOT / "docs" / "schedules.toml").schedules
