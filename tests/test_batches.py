"""Batches: finished parts on an S3 service on loopback, once each, the manifest last."""

from __future__ import annotations

import json
import logging
import sys
from hashlib import sha256

import boto3
import pytest
from moto.server import ThreadedMotoServer

from newscrawl.batches import BatchError, Bucket, upload
from newscrawl.demo import DemoServer
from newscrawl.feeds import manifest_path
from tests.conftest import ROOT, crawl, run_scrapy


@pytest.fixture(scope="module")
def demo():
    with DemoServer(60) as server:
        yield server


@pytest.fixture(scope="module")
def endpoint():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    service = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    service.start()
    host, port = service.get_host_and_port()
    yield f"http://{host}:{port}"
    service.stop()


@pytest.fixture
def s3(endpoint, monkeypatch):
    """A client of the service, and a bucket of the test's own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="news")
    yield client
    for entry in client.list_objects_v2(Bucket="news").get("Contents", ()):
        client.delete_object(Bucket="news", Key=entry["Key"])
    client.delete_bucket(Bucket="news")


@pytest.fixture
def feed(tmp_path):
    """A feed with two finished parts."""
    path = tmp_path / "feeds" / "articles.jsonl"
    path.parent.mkdir()
    write(path, {1: b"one\n", 2: b"two\n"})
    return path


def write(path, parts):
    files = []
    for number, text in parts.items():
        name = f"articles-{number:06d}.jsonl"
        path.with_name(name).write_bytes(text)
        files.append({"file": name, "lines": 1, "bytes": len(text), "sha256": sha256(text).hexdigest()})
    manifest_path(path).write_text(json.dumps({"feed": "articles", "files": files}))


def objects(s3):
    """Content of every object by its key."""
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket="news").get("Contents", ())]
    return {key: s3.get_object(Bucket="news", Key=key)["Body"].read() for key in keys}


def times(s3):
    return {entry["Key"]: entry["LastModified"] for entry in s3.list_objects_v2(Bucket="news")["Contents"]}


def put(endpoint, feed, shown=None):
    return upload(Bucket("s3://news/daily/", endpoint), [feed], (shown if shown is not None else []).append)


def test_parts_go_up_once_and_carry_their_checksum(s3, endpoint, feed):
    shown = []
    done = put(endpoint, feed, shown)
    assert (done.parts, done.bytes, done.present) == (2, 8, 0)
    assert shown == [f"s3://news/daily/articles-00000{n}.jsonl: 4 bytes uploaded" for n in (1, 2)]
    assert objects(s3) == {f"daily/{file.name}": file.read_bytes() for file in feed.parent.iterdir()}
    head = s3.head_object(Bucket="news", Key="daily/articles-000001.jsonl")
    assert head["Metadata"] == {"sha256": sha256(b"one\n").hexdigest()}
    before = times(s3)
    done = put(endpoint, feed)
    assert (done.parts, done.present, times(s3)) == (0, 2, before)
    feed.with_name("articles-000001.jsonl").unlink()  # freed by the operator
    write(feed, {1: b"one\n", 2: b"two\n", 3: b"three\n"})
    feed.with_name("articles-000001.jsonl").unlink()
    assert put(endpoint, feed).parts == 1
    assert objects(s3)["daily/articles.jsonl.manifest.json"] == manifest_path(feed).read_bytes()


@pytest.mark.parametrize("call", [1, 2, 3])
def test_an_upload_that_dies_is_continued_and_the_manifest_is_last(s3, endpoint, feed, call, monkeypatch):
    bucket, calls = Bucket("s3://news/daily", endpoint), []

    def dying(name):
        real = getattr(bucket._client, name)

        def request(*args, **kwargs):
            if name == "put_object" and not kwargs["Key"].endswith(".manifest.json"):
                return real(*args, **kwargs)  # upload_file itself puts small files
            calls.append(name)
            if len(calls) == call:
                raise KeyboardInterrupt
            return real(*args, **kwargs)

        return request

    for name in ("upload_file", "put_object"):
        monkeypatch.setattr(bucket._client, name, dying(name))
    with pytest.raises(KeyboardInterrupt):
        upload(bucket, [feed], [].append)
    assert calls == ["upload_file", "upload_file", "put_object"][:call]
    assert len(objects(s3)) == call - 1
    assert put(endpoint, feed).parts == 3 - call
    assert set(objects(s3)) == {f"daily/{file.name}" for file in feed.parent.iterdir()}


def test_other_content_is_never_written_over(s3, endpoint, feed):
    put(endpoint, feed)
    before = objects(s3)
    write(feed, {1: b"two\n", 2: b"two\n"})
    with pytest.raises(BatchError, match=r"articles-000001.jsonl: holds other content and stays .* another prefix"):
        put(endpoint, feed)
    s3.delete_object(Bucket="news", Key="daily/articles.jsonl.manifest.json")  # then the object's own metadata speak
    with pytest.raises(BatchError, match=r"holds other content"):
        put(endpoint, feed)
    write(feed, {7: b"seven\n"})
    s3.put_object(
        Bucket="news",
        Key="daily/articles.jsonl.manifest.json",
        Body=before["daily/articles.jsonl.manifest.json"],
    )
    with pytest.raises(BatchError, match=r"manifest.json: names parts of another feed: use another prefix"):
        put(endpoint, feed)
    now = objects(s3)
    assert {key: now[key] for key in before} == before


def test_a_longer_manifest_of_a_later_uploader_stays(s3, endpoint, feed):
    short = manifest_path(feed).read_bytes()
    write(feed, {1: b"one\n", 2: b"two\n", 3: b"three\n"})
    put(endpoint, feed)
    long = manifest_path(feed).read_bytes()
    manifest_path(feed).write_bytes(short)
    assert put(endpoint, feed).parts == 0
    assert objects(s3)["daily/articles.jsonl.manifest.json"] == long


def test_a_damaged_or_missing_part_is_not_uploaded(s3, endpoint, feed):
    file = feed.with_name("articles-000002.jsonl")
    file.write_bytes(b"twO\n")
    with pytest.raises(BatchError, match=r"articles-000002.jsonl: differs from its manifest, not uploaded"):
        put(endpoint, feed)
    file.unlink()
    with pytest.raises(BatchError, match=r"articles-000002.jsonl: cannot be read \(No such file or directory\)"):
        put(endpoint, feed)
    assert list(objects(s3)) == ["daily/articles-000001.jsonl"]


def test_failures_are_one_line(s3, endpoint, feed, monkeypatch):
    with pytest.raises(BatchError, match=r"s3://elsewhere/: .*bucket does not exist.*the files stay") as failed:
        upload(Bucket("s3://elsewhere", endpoint), [feed], [].append)
    assert "\n" not in str(failed.value)
    for address in ("news/daily", "https://news/daily", "s3:///daily"):
        with pytest.raises(BatchError, match=r"no address of a bucket: give s3://bucket/prefix"):
            Bucket(address)
    with pytest.raises(BatchError, match=r"NEWSCRAWL_S3_ENDPOINT=nowhere: Invalid endpoint"):
        Bucket("s3://news", "nowhere")
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(BatchError, match=r"^NEWSCRAWL_BATCHES needs boto3: install newscrawl\[s3\]$"):
        Bucket("s3://news")


# Whole crawls

SETTINGS = ("NEWSCRAWL_LINGER=5", "NEWSCRAWL_BATCHES=s3://news/demo")


def test_a_crawl_uploads_its_parts_at_its_end(s3, endpoint, demo, tmp_path):
    given = (*SETTINGS, f"NEWSCRAWL_S3_ENDPOINT={endpoint}")
    done = crawl(tmp_path, *given, "NEWSCRAWL_ROTATE_LINES=20", site="demo", base_url=demo.base_url)
    assert done.status == 0, done.log
    there = objects(s3)
    parts = [key for key in there if key.endswith(".jsonl")]
    assert len(parts) >= 4
    assert f"Batches: {len(parts)} files uploaded" in done.log
    assert there == {f"demo/{file.name}": file.read_bytes() for file in (tmp_path / "feeds").iterdir()}
    lines = [json.loads(line) for key in parts for line in there[key].splitlines()]
    assert sorted(line["id"] for line in lines) == sorted(demo.truth()["ids"])
    again = run_scrapy("feeds", "upload", *(p for s in given for p in ("-s", s)), data=tmp_path)
    assert (again.returncode, again.stdout) == (0, f"Batches: 0 files uploaded (0 bytes), {len(parts)} were there\n")


def test_without_the_service_the_files_stay_and_the_command_goes_on(s3, endpoint, demo, tmp_path):
    done = crawl(tmp_path, *SETTINGS, "NEWSCRAWL_S3_ENDPOINT=http://127.0.0.1:9", site="demo", base_url=demo.base_url)
    assert done.status == 1
    assert "the files stay, `scrapy feeds upload` goes on" in done.log
    assert "Traceback" not in done.log
    given = (*SETTINGS, f"NEWSCRAWL_S3_ENDPOINT={endpoint}")
    later = run_scrapy("feeds", "upload", *(p for s in given for p in ("-s", s)), data=tmp_path)
    assert (later.returncode, later.stdout.split(" (")[0]) == (0, "Batches: 2 files uploaded")
    assert len(objects(s3)) == 4


def test_a_missing_extra_ends_the_crawl_before_the_first_page(demo, tmp_path):
    (tmp_path / "boto3.py").write_text("raise ImportError")
    before = demo.requests.total()
    done = run_scrapy(
        "crawl", "aggregator", "-a", "site=demo", "-a", f"base_url={demo.base_url}",
        *(part for setting in SETTINGS for part in ("-s", setting)),
        data=tmp_path / "data", PYTHONPATH=f"{tmp_path}:{ROOT}",
    )  # fmt: skip
    assert done.returncode == 1
    assert "Not done: NEWSCRAWL_BATCHES needs boto3: install newscrawl[s3]" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert demo.requests.total() - before <= 1
