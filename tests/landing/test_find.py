"""Names and folders of export files."""

import os
from datetime import date
from pathlib import Path

import pytest

from motcua.errors import Failed
from motcua.landing import find


def parsed(path: str) -> find.ExportFile:
    return find.parse("/landing", Path(path), 10)


@pytest.mark.parametrize(
    ("path", "part", "revision", "form"),
    [
        ("cases/2019/cases_2019-03-04.csv", "", 1, "csv"),
        ("cases/cases_2019-03-04_r2.csv", "", 2, "csv"),
        ("cases/2019/03/cases_2019-03-04_K02.csv.gz", "K02", 1, "csv.gz"),
        ("cases/cases_2019-03-04_K02_r13.xlsx", "K02", 13, "xlsx"),
        ("cases/cases_2019-03-04_hall-2_b.CSV", "hall-2_b", 1, "csv"),
        ("cases/cases_2019-03-04_rest.csv", "rest", 1, "csv"),
        ("cases/cases_2019-03-04_K-R2D2_r2.csv", "K-R2D2", 2, "csv"),
    ],
)
def test_a_name_tells_feed_day_part_revision_and_form(path, part, revision, form):
    file = parsed(path)
    assert file.key == ("cases", date(2019, 3, 4), part, revision)
    assert (file.form, file.uri) == (form, f"/landing/{path}")


def test_feeds_whose_name_has_an_underscore_are_told_apart():
    assert parsed("external_counts/external_counts_2019-07-10.csv").feed == "external_counts"
    assert parsed("late_reviews/late_reviews_2019-07-10_A.csv").part == "A"


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("cases/report.csv", "Rename"),
        ("cases/cases_04-03-2019.csv", "Rename"),
        ("cases/cases_2019-03-04.xls", "Rename"),
        ("cases/cases_2019-03-04_r0.csv_r", "Rename"),
        ("cases/cases_2019-03-04_R2.csv", "looks like a revision, which is written _r2"),
        ("cases/cases_2019-03-04_rev2.csv", "looks like a revision"),
        ("cases/cases_2019-03-04_K02_R2.csv", "looks like a revision"),
        ("cases/cases_2019-03-04_K02-Rev-2.csv", "looks like a revision"),
        ("cases/cases_2019-03-04_K02_r0.csv", "looks like a revision"),
        ("cases/cases_2019-03-04_r10000_r2.csv", "Rename"),
        ("cases/cases_2019-03-04_r2_K02.csv.gz_r2.csv", "Rename"),
        ("cases/cases_2019-02-30.csv", "not a day of the calendar"),
        ("steps/cases_2019-03-04.csv", "folder cases/"),
        ("cases_2019-03-04.csv", "folder cases/"),
    ],
)
def test_another_name_is_refused_with_what_to_do(path, hint):
    with pytest.raises(find.Unrecognised, match=hint):
        parsed(path)


def test_the_listing_is_in_order_and_tells_strangers(landing):
    for name in ("steps/steps_2019-03-04.csv", "cases/b/cases_2019-03-05.csv"):
        (landing / name).parent.mkdir(parents=True, exist_ok=True)
        (landing / name).write_text("x")
    for name in ("cases/cases_2019-03-04.csv", "cases/notes.txt", "cases/cases_2019-03-06.csv.tmp"):
        (landing / name).write_text("x")
    (landing / "cases" / "cases_2019-03-07.csv.part").write_text("x")
    (landing / "cases" / ".hidden").write_text("x")
    files, _ = find.find(str(landing))
    assert [file.name for file in files] == [
        "cases_2019-03-04.csv",
        "cases_2019-03-05.csv",
        "steps_2019-03-04.csv",
    ]
    trash = landing / ".Trash-1000" / "files" / "cases"
    trash.mkdir(parents=True)
    (trash / "cases_2019-03-08.csv").write_text("x")
    (landing / "cases" / ".Trash-1000").mkdir()
    (landing / "cases" / ".Trash-1000" / "cases_2019-03-09.csv").write_text("x")
    assert [file.name for file in find.find(str(landing))[0]] == [file.name for file in files]
    told = sorted(find.find(str(landing))[1])
    assert [warning.partition(": ")[0] for warning in told] == [
        "Hidden files and folders are not looked into",
        "cases/cases_2019-03-06.csv.tmp",
        "cases/cases_2019-03-07.csv.part",
        "cases/notes.txt",
    ]
    assert (
        told[0]
        .partition(": ")[2]
        .startswith(".Trash-1000/, cases/.Trash-1000/, cases/.hidden. If exports")
    )
    assert "waits, as its name ends with .tmp" in told[1]
    assert "not loaded" in told[3]


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    folder = tmp_path / "zone"
    folder.mkdir()
    return folder


def test_a_landing_zone_that_is_not_there_fails_with_what_to_do(tmp_path):
    with pytest.raises(Failed, match="MOTCUA_LANDING"):
        find.find(str(tmp_path / "nowhere"))
    with pytest.raises(Failed, match="MOTCUA_LANDING"):
        find.find("s3://bucket/exports")


def test_an_empty_landing_zone_is_told(landing):
    (landing / "cases").mkdir()
    (warning,) = find.find(str(landing))[1]
    assert warning.startswith(f"Nothing lies under {landing}. If exports should be there")
    assert "mounted" in warning
    (landing / "cases" / "cases_2019-03-04.csv").write_text("x")
    assert find.find(str(landing))[1] == []


def test_a_file_uri_is_a_folder(landing):
    (landing / "cases").mkdir()
    (landing / "cases" / "cases_2019-03-04.csv").write_text("abc")
    (file,), _ = find.find(f"file://{landing}")
    assert find.digest(file).startswith("ba7816bf8f01cfea")
    assert file.uri == f"file://{landing}/cases/cases_2019-03-04.csv"


def test_a_file_is_read_again_only_when_it_has_changed(landing, tmp_path, monkeypatch):
    monkeypatch.setenv("MOTCUA_HOME", str(tmp_path / "home"))
    path = landing / "cases" / "cases_2019-03-04.csv"
    path.parent.mkdir(parents=True)
    path.write_text("a\n1\n")
    read = []

    def digest():
        ((file,), _) = find.find(str(landing))
        return find.digest(file)

    def opened(file):
        read.append(file.name)
        return open(file.uri, "rb")

    monkeypatch.setattr(find, "open_file", opened)
    first = digest()
    assert digest() == first
    assert len(read) == 2, "a file that has just changed may change again within the same moment"
    monkeypatch.setattr(find, "COARSEST_CLOCK", 0)
    assert [digest(), digest()] == [first, first]
    assert len(read) == 3
    before = path.stat()
    path.write_text("a\n2\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert digest() != first
    assert len(read) == 4
