"""A withdrawn release says so wherever it is shown."""

import re
from pathlib import Path

import openpyxl
import pytest

from commands import done, motcua

BY, REASON = "Trần Thị B", "nhầm tệp\ncủa Sở Một"
NOTICE = re.compile(
    r"^ĐÃ THU HỒI: bản công bố 2019-Q2\.r1 đã bị thu hồi ngày \d\d/\d\d/\d{4}\. Người quyết định:"
    r" Trần Thị B\. Lý do: nhầm tệp của Sở Một$"
)
LINE = re.compile(
    r"^2019-Q2\.r1 was withdrawn on \d{4}-\d\d-\d\d by Trần Thị B: nhầm tệp của Sở Một$"
)


def lines_like(expected: re.Pattern[str], text: str) -> int:
    return sum(bool(expected.match(line)) for line in text.splitlines())


def test_a_withdrawn_release_says_so_everywhere(
    copy: tuple[str, Path],
    published: tuple[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trace = ("trace", "2019-Q2.r1", "scorecard", "000.00.11.H51", "total")
    audit = ("audit", "2019-Q2.r1")
    for command in (trace, audit, ("status",)):
        before = motcua(*command).stdout
        assert before
        assert "THU HỒI" not in before
        assert "was withdrawn" not in before

    done("withdraw", "2019-Q2.r1", "--by", BY, "--reason", REASON)

    assert lines_like(NOTICE, done(*trace).splitlines()[0]) == lines_like(NOTICE, done(*trace)) == 1
    assert lines_like(NOTICE, motcua(*audit).stdout) == 1
    assert lines_like(LINE, done("status")) == 1
    path = tmp_path / "publications" / "2019-Q2.r1.xlsx"
    for sheet in openpyxl.load_workbook(path):
        texts = [str(cell.value) for (cell,) in sheet.iter_rows(max_col=1) if cell.value]
        assert any(NOTICE.match(text) for text in texts), sheet.title
    half_year = openpyxl.load_workbook(path.with_name("2019-H1.r1.xlsx"))
    notices = {
        sheet.title
        for sheet in half_year
        for (cell,) in sheet.iter_rows(max_col=1)
        if cell.value and NOTICE.match(str(cell.value))
    }
    assert notices == {"Phụ lục IIIb"}
    audited = motcua("audit", str(path)).stdout
    assert lines_like(NOTICE, audited) == 1
    unmarked = published[1] / "publications" / path.name
    assert motcua("audit", str(unmarked)).stdout.replace(str(unmarked), str(path)) == audited
    again = done("recompute", "2019-Q2.r1")
    assert lines_like(LINE, again) == 1
    assert "comes out again" in again

    standing = motcua("trace", "2019-H1.r1", *trace[2:])
    assert standing.returncode == 0
    assert "THU HỒI" not in standing.stdout

    monkeypatch.setenv("MOTCUA_WAREHOUSE_URL", "postgresql://nobody@127.0.0.1:9/nowhere")
    far_away = motcua("audit", str(path))
    assert far_away.returncode in (0, 3), "a workbook can be audited without a warehouse"
    assert lines_like(NOTICE, far_away.stdout) == 0
