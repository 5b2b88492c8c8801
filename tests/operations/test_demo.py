"""The sample of `motcua run`: written once, made whole again, never mixed with other exports."""

from pathlib import Path

import pytest

from motcua.errors import Failed
from motcua.operations import demo
from motcua.operations.show import Show


@pytest.fixture
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOTCUA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOTCUA_LANDING", str(tmp_path / "landing"))
    (tmp_path / "home").mkdir()
    return tmp_path / "landing"


@pytest.mark.slow
def test_the_sample_is_written_once_and_made_whole_again(landing: Path) -> None:
    _write()
    files = _files(landing)
    assert len(files) > 800
    _write()
    assert _files(landing) == files, "nothing is touched when all of it is there"

    lost = min(files)
    (landing / lost).unlink()
    _write()
    again = _files(landing)
    assert again.keys() == files.keys()
    assert again[lost][1] == files[lost][1], "the same bytes"


@pytest.mark.slow
def test_other_exports_in_the_landing_zone_are_not_mixed_with_the_sample(landing: Path) -> None:
    other = landing / "cases" / "cases_2020-01-01.csv"
    other.parent.mkdir(parents=True)
    other.write_text("MaHoSo\n")
    with pytest.raises(Failed, match=r"cases/cases_2020-01-01\.csv.*MOTCUA_LANDING"):
        _write()
    assert _files(landing).keys() == {"cases/cases_2020-01-01.csv"}


def test_a_landing_zone_that_is_no_folder_is_refused_before_anything_is_started(
    monkeypatch: pytest.MonkeyPatch, landing: Path
) -> None:
    monkeypatch.setenv("MOTCUA_LANDING", "s3://exports/2019")
    with pytest.raises(Failed, match="MOTCUA_LANDING is s3://exports/2019"):
        demo.run()


def test_the_sample_stops_when_the_start_beside_it_failed(landing: Path) -> None:
    with pytest.raises(ValueError, match="no Airflow"), demo.beside(demo.sample_writer(Show())):
        raise ValueError("no Airflow")
    assert not landing.exists() or len(_files(landing)) < 100


def _write() -> None:
    demo.sample_writer(Show())(lambda: True)


def _files(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*.*")
        if path.is_file()
    }
