"""Landing zones on S3 and SFTP servers give what a folder gives, and fail with what to do."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from export_files import case, csv_of
from zone_servers import (
    BUCKET,
    LOGIN,
    PASSWORD,
    SshServer,
    fill,
    s3_client,
    s3_server,
    sftp_server,
    trust,
    wire_to,
)

from motcua.errors import Failed
from motcua.landing import find, ingest, remote
from motcua.landing.feeds import FEEDS
from motcua.operations import status
from motcua_sample.write import write_sample

DAY = "cases_2019-03-04.csv"
LONG_AGO = 1_551_700_000
"""A time of change that is no longer fresh."""


@pytest.fixture(scope="module")
def s3_port() -> Iterator[int]:
    with s3_server() as port:
        yield port


@pytest.fixture
def s3(s3_port: int, monkeypatch: pytest.MonkeyPatch):
    """A client of an S3 server with an empty bucket, which the environment knows."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", LOGIN)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", PASSWORD)
    client = s3_client(s3_port)
    client.create_bucket(Bucket=BUCKET)
    yield client
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        if keys := [{"Key": entry["Key"]} for entry in page.get("Contents", [])]:
            client.delete_objects(Bucket=BUCKET, Delete={"Objects": keys})
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshServer]:
    """An SFTP server; the options file knows its key, user and password."""
    folder = tmp_path / "ssh"
    folder.mkdir()
    with sftp_server(folder) as server:
        log_in(monkeypatch, tmp_path, server)
        yield server


def log_in(monkeypatch, folder: Path, server: SshServer, **changes: str) -> None:
    told = {"password": PASSWORD, "known_hosts_file": str(server.known_hosts)} | changes
    path = folder / "options.json"
    path.write_text(json.dumps({name: value for name, value in told.items() if value}))
    path.chmod(0o600)
    monkeypatch.setenv("MOTCUA_LANDING_OPTIONS_FILE", str(path))


def sftp_uri(port: int, path: str = "") -> str:
    return f"sftp://{LOGIN}@127.0.0.1:{port}/{path}"


def lay(folder: Path, name: str, content: bytes, changed: float = LONG_AGO) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (changed, changed))
    return path


def paths(uri: str) -> list[str]:
    found, _ = find.find(uri)
    return [file.uri.removeprefix(f"{uri.rstrip('/')}/") for file in found]


@pytest.fixture(scope="module")
def first_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exports of the sample up to 7/1/2019."""
    folder = tmp_path_factory.mktemp("first_days")
    write_sample(folder)
    for path in [path for path in folder.rglob("*_20*") if path.is_file()]:
        if f"20{path.name.partition('_20')[2][:8]}" > "2019-01-07":
            path.unlink()
        else:
            os.utime(path, (LONG_AGO, LONG_AGO))
    return folder


def content(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Everything in raw but where files came from and when."""
    with psycopg.connect(url) as connection:
        tables = {
            feed: connection.execute(f"select * from raw.{feed} order by row_id").fetchall()
            for feed in FEEDS
        }
        tables["rejects"] = connection.execute(
            "select * from raw.rejects order by file_id, record"
        ).fetchall()
        tables["files"] = connection.execute(
            "select to_jsonb(files) - 'uri' - 'loaded_at' from raw.files order by file_id"
        ).fetchall()
    return tables


def test_folder_s3_and_sftp_give_identical_rows_and_manifests(
    first_days, s3, s3_port, ssh, new_warehouse, tmp_path, monkeypatch
):
    names = [
        path.relative_to(first_days).as_posix() for path in first_days.rglob("*") if path.is_file()
    ]
    for name in names:
        s3.upload_file(str(first_days / name), BUCKET, f"2019/{name}")
    (ssh.folder / "2019").symlink_to(first_days)  # the server follows it, as it names the zone
    sizes = sum((first_days / name).stat().st_size for name in names)
    monkeypatch.setenv("MOTCUA_KEY_FILE", str(tmp_path / "pseudonym.key"))
    results = {}
    with wire_to(s3_port) as s3_wire, wire_to(ssh.port) as ssh_wire:
        trust(ssh, ssh_wire.port)
        uris = {
            "folder": str(first_days),
            "s3": f"s3://{BUCKET}/2019",
            "sftp": sftp_uri(ssh_wire.port, "2019"),
        }
        for kind, uri in uris.items():
            if kind == "s3":
                monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3_wire.port}")
                monkeypatch.delenv("MOTCUA_LANDING_OPTIONS_FILE")
            if kind == "sftp":
                log_in(monkeypatch, tmp_path, ssh)
            (tmp_path / kind).mkdir()
            with new_warehouse(tmp_path / kind) as url:
                first = ingest.ingest(uri)
                assert first.loaded == len(names) > 30, first.warnings
                results[kind] = content(url)
                carried = s3_wire.carried + ssh_wire.carried
                second = ingest.ingest(uri)
                again = s3_wire.carried + ssh_wire.carried - carried
                assert (second.loaded, second.unchanged) == (0, len(names))
                assert again < sizes / 3, "unchanged files are not fetched again"
                assert content(url) == results[kind]
                assert not spools(tmp_path / kind)
    assert results["s3"] == results["folder"]
    assert results["sftp"] == results["folder"]
    assert sum(len(rows) for rows in results["folder"].values()) > 1000


def spools(folder: Path) -> list[str]:
    """What lies in the home of a warehouse beside the notebook and the key."""
    names = {path.name for path in (folder / "home").iterdir()}
    return sorted(names - {"landing_seen.sqlite", "pseudonym.key"})


# S3


def test_names_of_objects_are_letters_and_nothing_else(s3, warehouse):
    folders = ["một cửa", "a b", "50%", "%41", "what?", "#1", "a+b", "q?versionId", "x&y=z"]
    for day, folder in enumerate(folders, start=1):
        key = f"zone/cases/{folder}/cases_2019-03-{day:02}.csv"
        s3.put_object(Bucket=BUCKET, Key=key, Body=csv_of([case(day)]))
    report = ingest.ingest(f"s3://{BUCKET}/zone")
    assert (report.loaded, report.records, report.warnings) == (len(folders), len(folders), [])
    assert sorted(paths(f"s3://{BUCKET}/zone")) == sorted(
        f"cases/{folder}/cases_2019-03-{day:02}.csv" for day, folder in enumerate(folders, start=1)
    )


def test_folders_made_of_objects_and_neighbouring_prefixes_are_no_files(s3, warehouse):
    for key, body in {
        "zone/": b"",
        "zone/cases/": b"",
        f"zone/cases/{DAY}": csv_of([case(1)]),
        f"zone2/cases/{DAY}": csv_of([case(2)]),
        f"old-zone/cases/{DAY}": csv_of([case(3)]),
        "zone": b"an object of the same name",
    }.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    for uri in (f"s3://{BUCKET}/zone", f"s3://{BUCKET}/zone/"):
        assert paths(uri) == [f"cases/{DAY}"]
    report = ingest.ingest(f"s3://{BUCKET}/zone")
    assert (report.found, report.loaded, report.warnings) == (1, 1, [])


def test_strange_objects_are_reported_and_unfinished_ones_wait(s3, warehouse):
    for key in ("cases/notes.txt", f"cases//{DAY}", f"{DAY}.part", f"cases/{DAY}.tmp", "cases/.x"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    found, warnings = find.find(f"s3://{BUCKET}")
    assert found == []
    assert sorted(warning.partition(":")[0] for warning in warnings) == [
        "Hidden files and folders are not looked into",
        f"cases//{DAY}",
        f"cases/{DAY}.tmp",
        "cases/notes.txt",
        f"{DAY}.part",
    ]


def test_more_than_a_thousand_objects_are_all_listed(s3, warehouse):
    fill(1205, "cases/cases_2019-03-04_P{:04}.csv")
    found, _ = find.find(f"s3://{BUCKET}")
    assert [file.part for file in found] == [f"P{number:04}" for number in range(1, 1206)]


def test_an_empty_prefix_is_told(s3, warehouse):
    s3.put_object(Bucket=BUCKET, Key=f"export/cases/{DAY}", Body=b"x")
    (warning,) = ingest.ingest(f"s3://{BUCKET}/exports").warnings
    assert warning.startswith(f"Nothing lies under s3://{BUCKET}/exports")


def test_an_object_written_again_is_read_again(s3, warehouse):
    uri, key = f"s3://{BUCKET}", f"cases/{DAY}"
    s3.put_object(Bucket=BUCKET, Key=key, Body=csv_of([case(1)]))
    assert ingest.ingest(uri).loaded == 1
    s3.put_object(Bucket=BUCKET, Key=key, Body=csv_of([case(2)]))
    report = ingest.ingest(uri)
    assert (report.loaded, report.unchanged) == (1, 0)
    assert "Another export of the same name" in report.warnings[0]


def test_the_login_may_stand_in_a_private_file(s3, s3_port, warehouse, tmp_path, monkeypatch):
    s3.put_object(Bucket=BUCKET, Key=f"cases/{DAY}", Body=csv_of([case(1)]))
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    options = {
        "login": LOGIN,
        "password": PASSWORD,
        "endpoint_url": f"http://127.0.0.1:{s3_port}",
        "region_name": "us-east-1",
    }
    path = tmp_path / "options.json"
    path.write_text(json.dumps(options))
    monkeypatch.setenv("MOTCUA_LANDING_OPTIONS_FILE", str(path))
    path.chmod(0o644)
    with pytest.raises(Failed, match="chmod 600"):
        ingest.ingest(f"s3://{BUCKET}")
    path.chmod(0o600)
    assert ingest.ingest(f"s3://{BUCKET}").loaded == 1
    path.write_text(json.dumps(options | {"pasword": "x"}))
    with pytest.raises(Failed, match="have pasword, which s3 does not know"):
        ingest.ingest(f"s3://{BUCKET}")
    path.write_text('{"password": "hidden')
    with pytest.raises(Failed, match="is not JSON") as failure:
        ingest.ingest(f"s3://{BUCKET}")
    assert "hidden" not in str(failure.value)


def test_s3_without_login_wrong_login_and_wrong_bucket_fail_with_what_to_do(
    s3, s3_port, warehouse, monkeypatch
):
    with pytest.raises(Failed, match=r"is not there.*MOTCUA_LANDING"):
        ingest.ingest("s3://no-such-bucket/exports")
    with checked_logins(s3_port), pytest.raises(Failed, match=r"refuses the login.*AWS_ACCESS_KEY"):
        ingest.ingest(f"s3://{BUCKET}")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(Failed, match=r"wants a login, and there is none.*MOTCUA_LANDING_OPTIONS"):
        ingest.ingest(f"s3://{BUCKET}")


@contextmanager
def checked_logins(port: int) -> Iterator[None]:
    """Let the S3 server look at logins; it knows none."""

    def from_now_on(free_calls: bytes) -> None:
        call = urllib.request.Request(
            f"http://127.0.0.1:{port}/moto-api/reset-auth",
            data=free_calls,
            headers={"Content-Type": "text/plain"},
        )
        urllib.request.urlopen(call).close()  # noqa: S310

    from_now_on(b"0")
    try:
        yield
    finally:
        from_now_on(b"inf")


# SFTP


def test_names_on_the_server_are_letters_and_nothing_else(ssh, warehouse):
    folders = ["một cửa", "a b", "50%", "%41", "what?", "#1", "[a]", "*", "a:b", "~"]
    for day, folder in enumerate(folders, start=1):
        name = f"zone x/cases/{folder}/cases_2019-03-{day:02}.csv"
        lay(ssh.folder, name, csv_of([case(day)]))
    report = ingest.ingest(sftp_uri(ssh.port, "zone x"))
    assert (report.loaded, report.records, report.warnings) == (len(folders), len(folders), [])


def test_a_name_on_the_server_that_is_no_utf_8_hides_no_other_file(ssh, warehouse):
    lay(ssh.folder, f"cases/{DAY}", csv_of([case(1)]))
    cases = os.fsencode(ssh.folder / "cases")
    Path(os.fsdecode(cases + b"/b\xe1o c\xe1o.csv")).write_bytes(b"x")
    Path(os.fsdecode(cases + b"/th\xe1ng 3")).mkdir()
    Path(os.fsdecode(cases + b"/th\xe1ng 3/cases_2019-03-05.csv")).write_bytes(b"x")
    report = ingest.ingest(sftp_uri(ssh.port))
    assert (report.found, report.loaded) == (1, 1)
    assert sorted(warning.partition(", as")[0] for warning in report.warnings) == [
        "cases/b\\udce1o c\\udce1o.csv: not loaded",
        "cases/th\\udce1ng 3/cases_2019-03-05.csv: not loaded",
    ]


def test_links_closed_folders_and_strangers_on_the_server_are_reported(ssh, warehouse, tmp_path):
    lay(ssh.folder, f"cases/real/{DAY}", csv_of([case(1)]))
    lay(ssh.folder, "cases/closed/cases_2019-03-05.csv", csv_of([case(2)]))
    lay(ssh.folder, "cases/notes.txt", b"x")
    lay(ssh.folder, "cases/cases_2019-03-06.csv.part", b"x")
    cases = ssh.folder / "cases"
    (cases / "cases_2019-03-07.csv").symlink_to(f"real/{DAY}")
    (cases / "cases_2019-03-08.csv").symlink_to("nowhere")
    (cases / "loop").symlink_to("../cases")
    os.mkfifo(cases / "cases_2019-03-09.csv")
    report = ingest.ingest(sftp_uri(ssh.port))
    assert (report.found, report.loaded) == (2, 2)
    assert sorted(warning.split(":")[0] for warning in report.warnings) == [
        "cases/cases_2019-03-06.csv.part",
        "cases/cases_2019-03-08.csv",
        "cases/cases_2019-03-09.csv",
        "cases/closed/",
        "cases/loop",
        "cases/notes.txt",
    ]


def test_links_pipes_and_closed_folders_of_a_folder_are_reported(warehouse, landing):
    lay(landing, f"cases/real/{DAY}", csv_of([case(1)]))
    cases = landing / "cases"
    (cases / "cases_2019-03-07.csv").symlink_to(f"real/{DAY}")
    (cases / "cases_2019-03-08.csv").symlink_to("nowhere")
    (cases / "loop").symlink_to("../cases")
    os.mkfifo(cases / "cases_2019-03-09.csv")
    report = ingest.ingest()
    assert (report.found, report.loaded) == (2, 2)
    assert sorted(warning.split(":")[0] for warning in report.warnings) == [
        "cases/cases_2019-03-08.csv",
        "cases/cases_2019-03-09.csv",
        "cases/loop",
    ]


def test_a_file_that_has_only_just_changed_is_not_trusted_by_its_time(ssh, warehouse):
    now = time.time()
    lay(ssh.folder, f"cases/{DAY}", csv_of([case(1)]), changed=now)
    assert ingest.ingest(sftp_uri(ssh.port)).loaded == 1
    lay(ssh.folder, f"cases/{DAY}", csv_of([case(2)]), changed=now)
    assert ingest.ingest(sftp_uri(ssh.port)).loaded == 1


def test_an_unknown_or_changed_host_key_is_refused_before_anything_is_sent(ssh, warehouse):
    lay(ssh.folder, f"cases/{DAY}", csv_of([case(1)]))
    known = ssh.known_hosts.read_text()
    ssh.known_hosts.write_text("")
    with pytest.raises(Failed, match=f"ssh-keyscan -p {ssh.port} 127.0.0.1 >> "):
        ingest.ingest(sftp_uri(ssh.port))
    import asyncssh

    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    ssh.known_hosts.write_text(f"[127.0.0.1]:{ssh.port} {other}")
    with pytest.raises(Failed, match="may be another machine"):
        ingest.ingest(sftp_uri(ssh.port))
    ssh.known_hosts.write_text(known)
    assert ingest.ingest(sftp_uri(ssh.port)).loaded == 1


def test_a_private_key_opens_the_server_and_a_wrong_password_does_not(
    ssh, warehouse, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    lay(ssh.folder, f"cases/{DAY}", csv_of([case(1)]))
    log_in(monkeypatch, tmp_path, ssh, password="wrong")
    with pytest.raises(Failed, match="refuses the login") as failure:
        ingest.ingest(sftp_uri(ssh.port))
    assert "wrong" not in str(failure.value)
    key = {"password": "", "key_file": str(ssh.key_file), "login": LOGIN}
    log_in(monkeypatch, tmp_path, ssh, **key, private_key_passphrase="other")
    with pytest.raises(Failed, match=r"private key.*cannot be read"):
        ingest.ingest(f"sftp://127.0.0.1:{ssh.port}/")
    log_in(monkeypatch, tmp_path, ssh, **key, private_key_passphrase="locked")
    assert ingest.ingest(f"sftp://127.0.0.1:{ssh.port}/").loaded == 1


def test_a_folder_that_is_not_on_the_server_fails_with_what_to_do(ssh, warehouse):
    with pytest.raises(Failed, match=r"is not there.*MOTCUA_LANDING"):
        ingest.ingest(sftp_uri(ssh.port, "nowhere"))


# Both


@pytest.mark.parametrize(
    "uri",
    [
        f"sftp://{LOGIN}:Secret@127.0.0.1/x",
        "s3://AKIA:Secret@bucket/x",
        "s3://Secret@bucket/x",
    ],
)
def test_a_login_in_the_uri_is_refused_and_not_repeated(warehouse, uri, monkeypatch):
    with pytest.raises(Failed, match="MOTCUA_LANDING_OPTIONS_FILE") as failure:
        ingest.ingest(uri)
    assert "Secret" not in str(failure.value)
    monkeypatch.setenv("MOTCUA_LANDING", uri)
    assert "Secret" not in status.addresses()


@pytest.fixture(params=["s3", "sftp"])
def zone(request, warehouse, tmp_path, monkeypatch):
    """The URI of a zone behind a wire, the wire, and a way to lay files into it."""
    if request.param == "s3":
        client = request.getfixturevalue("s3")
        with wire_to(request.getfixturevalue("s3_port")) as wire:
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{wire.port}")

            def put(name: str, content: bytes) -> None:
                client.put_object(Bucket=BUCKET, Key=name, Body=content)

            yield f"s3://{BUCKET}", wire, put
    else:
        server = request.getfixturevalue("ssh")
        with wire_to(server.port) as wire:
            trust(server, wire.port)

            def put(name: str, content: bytes) -> None:
                lay(server.folder, name, content)

            yield sftp_uri(wire.port), wire, put


def large(day: int) -> bytes:
    return csv_of(
        [case(number, GhiChu="x" * 300) for number in range(day * 2000, day * 2000 + 800)]
    )


def test_a_connection_lost_in_the_middle_loses_nothing_and_the_next_run_goes_on(zone, rows):
    uri, wire, put = zone
    for day in range(1, 6):
        put(f"cases/cases_2019-03-{day:02}.csv", large(day))
    wire.limit = 3 * len(large(1))
    with pytest.raises(Failed, match=r"broke off while cases/\S+ was read.*next run goes on"):
        ingest.ingest(uri)
    states = rows("select state, records, loaded from raw.files order by business_date")
    assert 1 <= len(states) < 5
    assert set(states) == {("loaded", 800, 800)}
    assert rows("select count(*) from raw.cases") == [(800 * len(states),)]
    wire.limit = None
    report = ingest.ingest(uri)
    assert (report.loaded, report.unchanged) == (5 - len(states), len(states))
    assert rows("select count(*), count(distinct mahoso) from raw.cases") == [(4000, 4000)]


def test_a_zone_that_is_down_fails_with_what_to_do(zone, monkeypatch):
    uri, wire, put = zone
    put(f"cases/{DAY}", csv_of([case(1)]))
    wire.limit = 0
    with pytest.raises(Failed, match=r"does not answer.*Check the server and the network"):
        ingest.ingest(uri)
    monkeypatch.setenv("MOTCUA_LANDING", uri)
    assert "does not answer" in status.addresses()
    wire.limit = None
    assert f"Landing zone: {uri} (answers)" in status.addresses()
    assert ingest.ingest(uri).loaded == 1


def test_status_does_not_wait_for_a_zone_that_is_silent(zone, monkeypatch):
    uri, wire, _ = zone
    wire.is_silent = True
    monkeypatch.setenv("MOTCUA_LANDING", uri)
    began = time.monotonic()
    assert "does not answer" in status.addresses() or "no answer" in status.addresses()
    assert time.monotonic() - began < 4 * status.LONGEST_LOOK, "it waits for ever"


def test_status_does_not_try_a_zone_whose_login_airflow_has(warehouse, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MOTCUA_LANDING", sftp_uri(free.getsockname()[1]))
    monkeypatch.setenv("MOTCUA_LANDING_CONNECTION", "exports")
    assert "(not tried: its login is Airflow's connection exports)" in status.addresses()


def test_an_empty_zone_is_told(zone):
    uri, _, put = zone
    (warning,) = ingest.ingest(uri).warnings
    assert warning.startswith(f"Nothing lies under {uri}. If exports should be there")
    put(f"cases/{DAY}", csv_of([case(1)]))
    assert ingest.ingest(uri).warnings == []


def test_names_are_told_without_what_a_terminal_obeys(s3, ssh, warehouse):
    s3.put_object(Bucket=BUCKET, Key=f"cases//\u202e{DAY}", Body=b"x")
    lay(ssh.folder, "cases/closed \x1b[2J/x.csv", b"x")
    (ssh.folder / "cases" / "\x1b[31m").symlink_to("nowhere")
    for uri, options, names in (
        (f"s3://{BUCKET}", {}, [f"cases//\\u202e{DAY}"]),
        (sftp_uri(ssh.port), None, ["cases/\\x1b[31m", "cases/closed \\x1b[2J/"]),
    ):
        _, warnings = find.find(uri, options)
        assert all(warning.isprintable() for warning in warnings)
        told = sorted(
            warning.partition(": ")[0] for warning in warnings if "Nothing" not in warning
        )
        assert told == names


def test_a_file_that_changes_between_listing_and_reading_waits(zone):
    uri, _, put = zone
    put(f"cases/{DAY}", csv_of([case(1)]))
    (file,), _ = find.find(uri)
    put(f"cases/{DAY}", csv_of([case(1), case(2)]))
    with pytest.raises(find.StillWritten), find.at_hand(file):
        pass
    assert ingest.ingest(uri).records == 2


def test_a_damaged_notebook_costs_one_more_reading(zone, tmp_path, rows):
    uri, _, put = zone
    put(f"cases/{DAY}", csv_of([case(1)]))
    assert ingest.ingest(uri).loaded == 1
    (tmp_path / "home" / "landing_seen.sqlite").write_bytes(b"no notebook" * 1000)
    for _ in range(2):
        assert ingest.ingest(uri).unchanged == 1
    assert rows("select count(*) from raw.cases") == [(1,)]


def test_a_copy_has_no_name_and_is_gone_after_use(zone, tmp_path):
    uri, _, put = zone
    put(f"cases/{DAY}", csv_of([case(1)]))
    (file,), _ = find.find(uri)
    with find.at_hand(file) as near:
        assert near.at is not None
        assert near.at.read_bytes() == csv_of([case(1)])
        assert os.stat(near.at).st_nlink == 0
        assert os.stat(near.at).st_mode & 0o077 == 0
        assert not spools(tmp_path)
    assert not near.at.exists()


def test_a_file_larger_than_the_disk_waits_and_stops_no_other(zone, monkeypatch, rows):
    uri, _, put = zone
    put(f"cases/{DAY}", csv_of([case(number) for number in range(200)]))
    put("cases/cases_2019-03-05.csv", csv_of([case(1)]))
    free = shutil.disk_usage("/").free
    monkeypatch.setattr(remote.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    monkeypatch.setattr(remote, "SPARE", free - 10_000)
    report = ingest.ingest(uri)
    assert (report.found, report.loaded) == (2, 1)
    assert rows("select file_name from raw.files") == [("cases_2019-03-05.csv",)]
    (warning,) = report.warnings
    assert warning.startswith(f"{DAY}: this machine has no room to load it (it has 0 MB")
    assert "MOTCUA_HOME); it waits for the next run." in warning


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MB."""
    disk = tmp_path / "small"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "motcua", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_that_fills_up_while_a_file_is_fetched_is_told(zone, small_disk, monkeypatch):
    uri, _, put = zone
    put(f"cases/{DAY}", csv_of([case(n, GhiChu="x" * 3000) for n in range(1, 600)]))
    put("cases/cases_2019-03-05.csv", csv_of([case(1)]))
    monkeypatch.setenv("MOTCUA_KEY_FILE", os.environ["MOTCUA_HOME"] + "/pseudonym.key")
    monkeypatch.setenv("MOTCUA_HOME", str(small_disk))
    monkeypatch.setattr(remote, "SPARE", -(4 << 20))
    report = ingest.ingest(uri)
    assert report.loaded == 1
    (warning,) = report.warnings
    assert warning.startswith(f"{DAY}: this machine has no room to load it (the disk of")
    assert f"{small_disk} is full; free some, or move MOTCUA_HOME); it waits" in warning


def test_a_file_of_sftp_whose_writer_only_pauses_waits(ssh, warehouse, tmp_path, monkeypatch):
    monkeypatch.delenv("MOTCUA_QUIET_SECONDS")
    log_in(monkeypatch, tmp_path, ssh)
    lay(ssh.folder / "quiet", f"cases/{DAY}", csv_of([case(1)]), time.time() - 5)
    uri = sftp_uri(ssh.port, "quiet")
    report = ingest.ingest(uri)
    assert (report.loaded, report.waiting) == (0, [DAY])
    lay(ssh.folder / "quiet", f"cases/{DAY}", csv_of([case(1)]), time.time() - 62)
    assert ingest.ingest(uri).loaded == 1
