"""The reference pack: what makes one unusable, and that every changed one is kept."""

import shutil
from pathlib import Path

import pytest

from motcua import cli, settings
from motcua.errors import Failed
from motcua.landing import ingest, reference


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the default pack that a test may spoil; the settings point at it."""
    folder = tmp_path / "another_province"
    shutil.copytree(settings.PROJECT / "reference" / "soc_trang", folder)
    monkeypatch.setenv("MOTCUA_REFERENCE", str(folder))
    return folder


def change(pack, name, old, new):
    path = pack / f"{name}.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def add(pack, name, line):
    with (pack / f"{name}.csv").open("a") as target:
        target.write(f"{line}\n")


def test_the_default_pack_is_sound(pack):
    assert reference.check(pack) == []
    assert reference.warnings(pack) == []


def test_a_period_to_be_published_before_its_data_are_there_is_told(pack, capsys):
    place = "Warning: reporting_periods.csv, line 4, column publish_on: is not after known_as_of"
    assert cli.main(["check-reference"]) == 0
    assert place in capsys.readouterr().out, "so the half-year was printed in 2019"
    change(pack, "reporting_periods", "2019-07-11,2019-07-11", "2019-07-11,2019-07-12")
    assert cli.main(["check-reference"]) == 0
    assert "Warning" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "old", "new", "problem"),
    [
        ("units", "000.00.02.H51,2", "000.00.01.H51,2", "unit_code"),
        ("units", "000.00.02.H51,2", "000.00.02.H51,1", "display_order: 1 is there twice"),
        ("units", "000.00.02.H51,2", "000.00.02.H51,x", 'display_order: "x" is not a number'),
        ("units", "2018-01-01,,", "2018-13-01,,", 'valid_from: "2018-13-01" is not a day'),
        ("units", "2018-01-01,,", "2018-01-01,2017-01-01,", "valid_to: lies before valid_from"),
        ("units", "2018-01-01,,", "2018-01-01,2025-06-30,X", 'successor_code: "X" is not in units'),
        ("units", "2018-01-01,,", "2018-01-01,,000.00.02.H51", "valid_to: is empty although"),
        ("units", "name_vi", "ten", "units.csv, line 1: column name_vi is missing"),
        ("unit_aliases", ",000.00.07.H51", ",000.00.77.H51", '"000.00.77.H51" is not in units'),
        ("kiosks", "K01,Q01,000.00.01.H51", "K01,Q01,", "unit_code: is empty"),
        ("reporting_periods", "2019-04-01,2019-06-15", "2019-04-02,2019-06-15", "leaves a gap"),
        ("reporting_periods", "2019-04-01,2019-06-15", "2019-03-31,2019-06-15", "overlaps 2019-Q1"),
        ("reporting_periods", "2019-01-01,2019-03-31", "2019-03-31,2019-01-01", "lies before"),
        ("reporting_periods", "quarter", "season", 'kind: "season" is not one of'),
        ("reporting_periods", "qd1216_2019", "qd9", 'rule_set: "qd9" is not in rule_sets.csv'),
        ("reporting_periods", "2019-04-05", "2019-03-05", "known_as_of: lies before cases_to"),
        ("rule_sets", ",date,", ",day,", 'timeliness_mode: "day" is not one of date, timestamp'),
        ("rule_sets", "15,12,9,6", "12,15,9,6", "must fall from one to the next"),
        ("scoring_rules", "qd1216_2019,1,1,2", "qd1216_2019,10,1,2", 'indicator: "10" is not one'),
        ("scoring_rules", "on_the_spot_share,20", "on_the_spot_share,x", '"x" is not a number'),
        ("calendar", "2019-01-01", "2018-12-31", 'date: "2018-12-31" is there twice'),
        ("calendar", "false", "no", 'is_working_day: "no" is not one of'),
        ("feeds", "cases", "dossiers", 'feed: "dossiers" is not one of'),
        ("feeds", "working_days", "always", 'expected: "always" is not one of'),
    ],
)
def test_a_mistake_is_told_with_its_place(pack, name, old, new, problem):
    change(pack, name, old, new)
    problems = reference.check(pack)
    assert any(told.startswith(f"{name}.csv, line") and problem in told for told in problems), (
        problems
    )


def test_successors_that_go_in_a_circle_are_told_once(pack):
    for unit, after in ((1, 2), (2, 3), (3, 2)):
        path = pack / "units.csv"
        lines = path.read_text().splitlines()
        assert lines[unit].endswith(",2018-01-01,,")
        lines[unit] = lines[unit].removesuffix(",,") + f",2025-06-30,000.00.{after:02d}.H51"
        path.write_text("\n".join(lines) + "\n")
    assert reference.check(pack) == [
        "units.csv, line 3, column successor_code: the successors go in a circle:"
        " 000.00.02.H51 → 000.00.03.H51 → 000.00.02.H51. Open it."
    ]
    change(pack, "units", "2025-06-30,000.00.03.H51", "2025-06-30,000.00.04.H51")
    assert reference.check(pack) == []


def test_every_indicator_needs_a_rule(pack):
    path = pack / "scoring_rules.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("qd1216_2019,8,")))
    assert reference.check(pack) == [
        "scoring_rules.csv: rule set qd1216_2019 has no rule for indicator 8."
        " Add one for each number of points."
    ]


def test_every_outcome_of_a_case_needs_its_points(pack):
    """Without the rule for cases on time they would silently leave the mean."""
    path = pack / "scoring_rules.csv"
    lines = [line for line in path.read_text().splitlines() if ",1,1,1,on_time," not in line]
    path.write_text("\n".join(lines) + "\n")
    (problem,) = reference.check(pack)
    assert "indicator 1 says nothing for on_time" in problem


def test_a_missing_file_and_a_missing_folder_are_told(pack):
    (pack / "kiosks.csv").unlink()
    assert reference.check(pack)[0].startswith("kiosks.csv is missing")
    assert "MOTCUA_REFERENCE" in reference.check(pack / "nowhere")[0]


def test_a_rule_set_that_is_not_valid_in_the_window_is_a_warning(pack):
    change(pack, "rule_sets", "2019-01-01", "2019-04-26")
    assert reference.check(pack) == []
    assert [line.split(":")[0] for line in reference.warnings(pack)] == [
        "reporting_periods.csv, line 2, column rule_set",
        "reporting_periods.csv, line 3, column rule_set",
        "reporting_periods.csv, line 4, column rule_set",
    ]


def test_a_period_that_joins_the_one_before_is_accepted(pack):
    add(
        pack,
        "reporting_periods",
        "2019-Q3,quarter,Quý III năm 2019,Third quarter of 2019,2019-06-16,2019-09-15,2019-06-16,"
        "2019-09-15,2019-09-15,2019-09-20,2019-09-21,qd1216_2019",
    )
    assert reference.check(pack) == []


def test_kiosks_may_be_none(pack):
    (pack / "kiosks.csv").write_text("kiosk,counter,unit_code,valid_from,valid_to\n")
    assert reference.check(pack) == []
    assert reference.known_codes(pack).kiosks == frozenset()


def test_units_are_known_by_code_and_by_other_spelling(pack):
    units = reference.known_codes(pack).units
    assert "000.00.07.H51" in units
    assert "Sở Lao động, Thương binh và Xã hội" in units
    assert len(units) == 17


def test_a_pack_is_stored_once_and_a_changed_one_beside_it(pack, warehouse, rows):
    first, is_new = reference.store(pack)
    assert is_new
    assert reference.store(pack) == (first, False)
    assert rows("select count(*) from reference.units") == [(16,)]
    assert rows("select name from reference.packs") == [("another_province",)]
    assert rows("select distinct valid_to from reference.units") == [(None,)]

    change(pack, "units", "Sở Công Thương", "Sở Công thương")
    second, is_new = reference.store(pack)
    assert is_new
    assert second != first
    assert rows("select count(*), count(distinct reference_sha256) from reference.units") == [
        (32, 2)
    ]
    for name in reference.FILES:
        ((lines,),) = rows(
            f"select count(*) from reference.{name} where reference_sha256 = '{second}'"
        )
        assert lines == len((pack / f"{name}.csv").read_text().splitlines()) - 1


def test_ingestion_refuses_an_unsound_pack_before_any_file(pack, warehouse, rows):
    change(pack, "units", "000.00.02.H51,2", "000.00.02.H51,1")
    with pytest.raises(Failed, match="display_order: 1 is there twice"):
        ingest.ingest()
    assert rows("select count(*) from reference.packs") == [(0,)]


def test_the_identity_of_a_pack_is_that_of_its_bytes(pack):
    before = reference.sha256(pack)
    (pack / "notes.txt").write_text("not of the pack")
    assert reference.sha256(pack) == before
    add(pack, "calendar", "2019-09-02,false,Quốc khánh 2")
    assert reference.sha256(pack) != before
