"""Who is told of which month: months, addresses, and what is refused before anything is written."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from motcua.documents import notice_facts
from motcua.errors import Failed, Refused
from motcua.operations import notify

UNITS = {"000.00.01.H51", "000.00.02.H51"}


@pytest.fixture
def addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The csv of the settings."""
    path = tmp_path / "addresses.csv"
    monkeypatch.setenv("MOTCUA_UNIT_ADDRESSES", str(path))
    return path


def test_addresses_are_read_several_for_a_unit_and_one_for_the_centre(addresses: Path) -> None:
    addresses.write_text(
        "unit_code,address\n000.00.01.H51,a@example.vn\n\nCENTRE, c@example.vn \n"
        "000.00.01.H51,b@example.vn\n",
        encoding="utf-8-sig",
    )
    assert notify.read_addresses(UNITS) == {
        "000.00.01.H51": ["a@example.vn", "b@example.vn"],
        "CENTRE": ["c@example.vn"],
    }


def test_every_wrong_row_is_named_with_file_line_and_column(addresses: Path) -> None:
    addresses.write_text(
        "unit_code,address\n000.00.09.H51,a@example.vn\n000.00.01.H51,nobody\n"
        "000.00.01.H51,a@example.vn\n000.00.01.H51,a@example.vn\n"
        '000.00.02.H51\n000.00.02.H51,"b@example.vn\nBcc: c@example.vn"\n'
    )
    with pytest.raises(Failed) as told:
        notify.read_addresses(UNITS)
    for problem in (
        f"{addresses}, line 2, column unit_code: '000.00.09.H51' is no unit",
        "line 3, column address: 'nobody' is no mail address",
        "line 5, column address: 000.00.01.H51 has a@example.vn already",
        "line 6: 1 values instead of two",
        r"line 8, column address: 'b@example.vn\nBcc: c@example.vn' is no mail address",
    ):
        assert problem in str(told.value)
    assert str(told.value).count(str(addresses)) == 5


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"unit,mail\n000.00.01.H51,a@example.vn\n", "line 1: the columns are unit, mail"),
        (b"", "line 1: the columns are"),
        (b"unit_code,address\nS\xe1\xbb,a@example.vn\n", "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_no_list_of_addresses_is_refused(
    addresses: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        addresses.write_bytes(content)
    with pytest.raises(Failed, match=said):
        notify.read_addresses(UNITS)


def test_without_the_setting_nobody_has_an_address(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MOTCUA_UNIT_ADDRESSES", raising=False)
    assert notify.read_addresses(UNITS) == {}
    assert "MOTCUA_UNIT_ADDRESSES names no file" in capsys.readouterr().out


def test_a_run_is_for_the_month_before_by_the_calendar_of_the_centre() -> None:
    assert notify.month_before(datetime(2019, 7, 5, 1, tzinfo=UTC)) == "2019-06"
    assert notify.month_before(datetime(2019, 6, 30, 18, tzinfo=UTC)) == "2019-06", "local: July"
    assert notify.month_before(datetime(2020, 1, 5, 1, tzinfo=UTC)) == "2019-12"
    with pytest.raises(Failed, match="Name the month"):
        notify.month_before(None)


@pytest.mark.parametrize("text", ["2019-13", "June", "2019-06-01", ""])
def test_what_is_no_month_is_said_to_be_none(text: str) -> None:
    with pytest.raises(Failed, match="is no month"):
        notice_facts.month(text)


def test_without_a_build_it_says_what_to_do_and_writes_nothing(
    warehouse: str, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match="Nothing is built yet"):
        notify.notify_units("2019-06")
    assert not (tmp_path / "home" / "notices").exists()
