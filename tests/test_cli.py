"""The command line: its commands, its exit codes, and what it says."""

import csv
import shutil
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest

from motcua import cli, settings

COMMANDS = [
    "run",
    "up",
    "down",
    "status",
    "sample",
    "check-reference",
    "ingest",
    "rejects",
    "build",
    "publish",
    "withdraw",
    "bench",
]
UNIT = "000.00.05.H51"
PETITIONS = (
    "MaPAKN,MaDonVi,MaHoSo,LoaiPhanAnh,NgayTiepNhan,HanXuLy,NgayXuLy,KetLuan,KeoDai,NgayCapNhat"
)


@pytest.fixture
def landing(warehouse: str) -> Path:
    """A landing zone with one file of three petitions, one of them of a unit that is not known."""
    folder = Path(settings.landing()) / "petitions"
    folder.mkdir()
    lines = [
        PETITIONS,
        f"P1,{UNIT},,1,2019-03-04,2019-03-11,,,,2019-03-04 08:00:00",
        "P2,000.00.99.H51,,1,2019-03-04,2019-03-11,,,,2019-03-04 08:00:00",
        *(
            f"P{number},{UNIT},,1,2019-03-04,2019-03-11,,,,2019-03-04 08:00:00"
            for number in range(3, 41)
        ),
    ]
    (folder / "petitions_2019-03-04.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_every_command_of_the_contract_is_there_and_explained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for command in COMMANDS:
        with pytest.raises(SystemExit) as end:
            cli.main([command, "--help"])
        assert end.value.code == 0
        assert f"motcua {command}" in capsys.readouterr().out


def test_help_comes_without_loading_what_only_the_work_needs() -> None:
    script = "import sys, motcua.cli; print([name for name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    for heavy in ("psycopg", "pandas", "polars", "airflow", "great_expectations", "dbt"):
        assert f"'{heavy}'" not in done.stdout, heavy


def test_python_m_motcua_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "motcua", "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused" in done.stdout


@pytest.mark.parametrize("name", cli.BENCHMARKS)
def test_a_benchmark_gets_its_options(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "motcua", "bench", name, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"motcua bench {name} [--" in done.stdout


def test_benchmarks_need_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(settings, "PROJECT", tmp_path)
    assert cli.main(["bench", "load"]) == 1
    said = capsys.readouterr().err
    assert str(tmp_path / "benchmarks" / "load.py") in said
    assert "name one in MOTCUA_PROJECT" in said


@pytest.mark.parametrize(
    "arguments",
    [[], ["nonsense"], ["publish"], ["sample"], ["sample", "x", "--scale", "0"], ["withdraw", "x"]],
    ids=" ".join,
)
def test_wrong_usage_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 2
    assert "usage: motcua" in capsys.readouterr().err


def test_a_load_says_what_it_did_and_the_same_files_again_change_nothing(
    landing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["ingest"]) == 0
    said = capsys.readouterr().out
    assert "1 files; 1 loaded (40 records, 1 of them rejected), 0 quarantined" in said
    assert "petitions_2019-03-04.csv: 1 of 40 records rejected" in said
    assert "Next: motcua build" in said

    assert cli.main(["ingest"]) == 0
    assert "0 loaded (0 records, 0 of them rejected), 0 quarantined, 1 loaded before" in (
        capsys.readouterr().out
    )


def test_rejected_records_are_listed_with_their_place_and_the_next_step(
    landing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["rejects"]) == 0
    assert capsys.readouterr().out == "Nothing is rejected.\n"
    cli.main(["ingest"])
    capsys.readouterr()
    assert cli.main(["rejects"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("petitions_2019-03-04.csv, record 2, column MaDonVi: ")
    assert "000.00.99.H51" in line
    assert cli.main(["rejects", "--feed", "cases"]) == 0
    assert capsys.readouterr().out == "Nothing is rejected.\n"


def test_status_tells_what_runs_what_landed_and_which_days_are_missing(
    landing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["status"]) == 0
    before = capsys.readouterr().out
    assert "motcua up" not in before, "the warehouse is not the embedded server's"
    assert "Airflow: none was started here." in before
    assert "Nothing has been loaded yet: motcua ingest" in before

    cli.main(["ingest"])
    capsys.readouterr()
    assert cli.main(["status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    [petitions] = [line.split() for line in lines if line.startswith("petitions")]
    assert petitions == ["petitions", "1", "0", "40", "1", "2019-03-04"]
    cases = next(index for index, line in enumerate(lines) if line.startswith("cases"))
    assert lines[cases].split() == ["cases", "0", "0", "0", "0", "-"]
    assert (
        lines[cases + 1]
        .strip()
        .startswith(f"{_working_days()} working days without a file: 2018-12-03,")
    )


def test_status_tells_by_the_pack_of_the_settings_not_by_the_newest_stored(
    landing: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Another pack was tried and given up: it is the newest stored one."""
    cli.main(["ingest"])
    other = tmp_path / "other"
    shutil.copytree(settings.reference(), other)
    feeds = (other / "feeds.csv").read_text()
    (other / "feeds.csv").write_text(feeds.replace("working_days", "on_change"))
    missing = f"{_working_days()} working days without a file"
    with monkeypatch.context() as patch:
        patch.setenv("MOTCUA_REFERENCE", str(other))
        cli.main(["ingest"])
        capsys.readouterr()
        cli.main(["status"])
        assert missing not in capsys.readouterr().out
    cli.main(["status"])
    assert missing in capsys.readouterr().out


def _working_days() -> int:
    """From the first expected day to the newest file, holidays out, compensatory days in."""
    with (settings.reference() / "calendar.csv").open(encoding="utf-8") as file:
        exceptions = {
            date.fromisoformat(row["date"]): row["is_working_day"] in ("true", "1")
            for row in csv.DictReader(file)
        }
    first, last = date(2018, 12, 3), date(2019, 3, 4)
    days = [first + timedelta(number) for number in range((last - first).days + 1)]
    return sum(exceptions.get(day, day.isoweekday() <= 5) for day in days)


def test_a_sound_pack_passes_and_a_broken_one_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["check-reference"]) == 0
    assert "is sound" in capsys.readouterr().out
    pack = tmp_path / "pack"
    shutil.copytree(settings.reference(), pack)
    periods = pack / "reporting_periods.csv"
    periods.write_text(periods.read_text("utf-8").replace("2019-03-31", "2019-02-30"), "utf-8")
    monkeypatch.setenv("MOTCUA_REFERENCE", str(pack))
    assert cli.main(["check-reference"]) == 1
    said = capsys.readouterr().err
    assert "reporting_periods.csv, line 2, column cases_to" in said
    assert "mend them and check again" in said


def test_a_failure_exits_1_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MOTCUA_WAREHOUSE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    assert cli.main(["ingest"]) == 1
    said = capsys.readouterr().err
    assert "No connection to the warehouse at 127.0.0.1:1/nothing" in said
    assert "check MOTCUA_WAREHOUSE_URL" in said
    assert "Traceback" not in said


def test_a_rule_that_says_no_exits_3(warehouse: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["withdraw", "2019-Q1.r1", "--reason", " "]) == 3
    assert capsys.readouterr().err.startswith("Refused: A withdrawal needs a reason")


def test_what_nobody_foresaw_exits_1_with_its_trace_and_a_next_step(
    landing: Path, warehouse: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(warehouse) as connection:
        connection.execute("alter table reference.packs rename to lost")
    assert cli.main(["ingest"]) == 1
    said = capsys.readouterr().err
    assert 'relation "reference.packs" does not exist' in said
    assert "Traceback" in said
    assert "Start the command again" in said


def test_the_sample_refuses_a_folder_with_other_exports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "cases_2020-01-01.csv").write_text("MaHoSo\n")
    assert cli.main(["sample", str(tmp_path)]) == 1
    assert "cases/cases_2020-01-01.csv" in capsys.readouterr().err


def test_down_with_nothing_up_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MOTCUA_HOME", str(tmp_path / "home"))
    assert cli.main(["down"]) == 0
    assert capsys.readouterr().out == "Nothing was running.\n"
