"""Progress without a terminal: plain lines that say stage, state and time, and do not flood."""

import re

import pytest

from motcua.operations.show import Show


def test_a_stage_says_that_it_began_and_how_it_ended(capsys: pytest.CaptureFixture[str]) -> None:
    show = Show()
    with show.living(), show.stage("Loading"):
        show.detail("Loading", "7 of 9 files")
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "[0:00] Loading ...",
        "[0:00] Loading: 7 of 9 files",
        "[0:00] Loading: done in 0 s (7 of 9 files)",
    ]


def test_a_stage_that_fails_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    show = Show()
    with pytest.raises(ValueError, match="broken"), show.stage("Loading"):
        raise ValueError("broken")
    assert capsys.readouterr().out.splitlines()[-1] == "[0:00] Loading: stopped in 0 s"


def test_stages_may_overlap(capsys: pytest.CaptureFixture[str]) -> None:
    show = Show()
    with show.stage("Airflow"), show.stage("Sample"):
        show.detail("Sample", "1 of 2")
    assert "[0:00] Airflow | Sample: 1 of 2" in capsys.readouterr().out


def test_many_details_within_seconds_are_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    show = Show()
    with show.stage("Loading"):
        for number in range(1000):
            show.detail("Loading", f"{number} of 1000")
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_a_line_that_stays_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    show = Show()
    show.line("2019-Q1.r1 is published already.")
    assert capsys.readouterr().out == "2019-Q1.r1 is published already.\n"
    assert re.fullmatch(r"\d+:\d\d", show.elapsed())
