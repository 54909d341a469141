"""What the end of a run tells: a change of verdict once, by webhook or file, and Prometheus text."""

import http.server
import json
import re
import socket
import threading
from types import SimpleNamespace

import pytest

from newscrawl.alerts import verdicts_of
from newscrawl.demo import DemoServer
from newscrawl.store import open_store
from tests.conftest import crawl

QUICK = "NEWSCRAWL_LINGER=1"


@pytest.fixture
def webhook():
    """A server that keeps what it is sent; `status` is what it answers."""
    heard = SimpleNamespace(messages=[], status=200)

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            heard.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(heard.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    heard.url = f"http://127.0.0.1:{server.server_port}/secret-token"
    yield heard
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def nobody():
    """An address where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{free.getsockname()[1]}"


def test_a_site_that_falls_ill_is_told_once_and_so_is_its_recovery(webhook, nobody, tmp_path):
    alerts = (QUICK, f"NEWSCRAWL_ALERT_WEBHOOK={webhook.url}", f"NEWSCRAWL_ALERT_FILE={tmp_path}/log/alerts.txt")
    data = tmp_path / "data"
    with DemoServer(60) as server:
        crawl(data, *alerts, site="demo", base_url=server.base_url, limit="5")
        assert webhook.messages == []
        for _ in range(2):
            assert crawl(data, *alerts, site="demo", base_url=nobody).status == 1
        assert len(webhook.messages) == 1
        crawl(data, *alerts, site="demo", base_url=server.base_url, limit="5")
    ill, well = webhook.messages
    assert (ill["site"], ill["before"], well["verdict"]) == ("demo", "healthy", "healthy")
    assert ill["verdict"] == "down"
    assert ill["text"] == f"newscrawl: demo is down: {ill['why']} (was healthy)"
    assert well["text"].startswith("newscrawl: demo is healthy")
    lines = (tmp_path / "log" / "alerts.txt").read_text("utf-8").splitlines()
    assert [re.sub(r"^\S+Z ", "", line) for line in lines] == [ill["text"], well["text"]]


def test_an_alert_that_did_not_arrive_is_told_after_the_next_run(webhook, nobody, tmp_path):
    alerts = (QUICK, f"NEWSCRAWL_ALERT_WEBHOOK={webhook.url}")
    webhook.status = 500
    done = crawl(tmp_path, *alerts, site="demo", base_url=nobody)
    assert "webhook at 127.0.0.1 answered 500" in done.log
    assert "secret-token" not in done.log
    webhook.status = 200
    crawl(tmp_path, *alerts, site="demo", base_url=nobody)
    crawl(tmp_path, *alerts, site="demo", base_url=nobody)
    assert len(webhook.messages) == 2


def test_a_webhook_that_is_away_fails_no_run(nobody, tmp_path):
    with DemoServer(60) as server:
        (tmp_path / "alerts.json").write_text('{"demo": "down"}')
        done = crawl(
            tmp_path, QUICK, f"NEWSCRAWL_ALERT_WEBHOOK={nobody}/token", site="demo", base_url=server.base_url, limit="5"
        )
    assert done.status == 0
    assert "webhook at 127.0.0.1 does not answer" in done.log
    assert "Traceback" not in done.log
    assert json.loads((tmp_path / "alerts.json").read_text()) == {"demo": "down"}


def test_a_crawl_that_finds_the_state_in_use_says_nothing_of_the_site(webhook, tmp_path):
    held = open_store(tmp_path / "state.sqlite")
    try:
        done = crawl(
            tmp_path, QUICK, f"NEWSCRAWL_ALERT_WEBHOOK={webhook.url}", site="demo", base_url="http://127.0.0.1:1"
        )
    finally:
        held.close()
    assert "in use by another crawl" in done.log
    assert (done.status, webhook.messages) == (1, [])


METRIC = re.compile(r'[a-z_]+\{[a-z]+="([^"\\\n]|\\.)*"(,[a-z]+="([^"\\\n]|\\.)*")*\} -?[0-9.]+(e[+-]?[0-9]+)?')


def test_counters_are_prometheus_text(tmp_path):
    with DemoServer(60) as server:
        done = crawl(
            tmp_path, QUICK, f"NEWSCRAWL_PROMETHEUS={tmp_path}/prom/demo.prom", site="demo", base_url=server.base_url
        )
    text = (tmp_path / "prom" / "demo.prom").read_text("utf-8")
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(METRIC.fullmatch(line) for line in samples), text
    assert f'newscrawl_articles{{scope="site=demo mode=latest"}} {len(done.articles)}' in samples
    assert 'newscrawl_exit_status{scope="site=demo mode=latest"} 0' in samples
    assert any(line.startswith('newscrawl_failed{scope="site=demo mode=latest",reason="') for line in samples)
    assert any(line.startswith('newscrawl_verdict{site="demo",verdict="') for line in samples)
    assert [path.name for path in (tmp_path / "prom").iterdir()] == ["demo.prom"]


def test_a_place_that_cannot_be_written_is_a_warning(tmp_path):
    (tmp_path / "file").write_text("")
    with DemoServer(60) as server:
        done = crawl(
            tmp_path, f"NEWSCRAWL_PROMETHEUS={tmp_path}/file/x.prom", site="demo", base_url=server.base_url, limit="3"
        )
    assert done.status == 0
    assert f"{tmp_path}/file/x.prom: cannot be written" in done.log


def test_no_http_address_is_said_at_once(tmp_path):
    with DemoServer(60) as server:
        done = crawl(
            tmp_path, "NEWSCRAWL_ALERT_WEBHOOK=file:///etc/passwd", site="demo", base_url=server.base_url, limit="3"
        )
    assert "NEWSCRAWL_ALERT_WEBHOOK is no http or https address" in done.log


def test_a_summary_without_verdicts_says_nothing():
    assert verdicts_of({}) == verdicts_of({"verdict": None}) == verdicts_of({"verdict": {"a": "?"}}) == {}
