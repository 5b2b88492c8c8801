"""After a purge every release still comes out again, cell by cell and row by row."""

from pathlib import Path

import psycopg
import pytest

from commands import done
from motcua.publication.recompute import recompute

pytestmark = pytest.mark.slow


def test_releases_come_out_again_after_everything_personal_is_gone(
    copy: tuple[str, Path],
) -> None:
    url, _ = copy
    filled = (
        "select (select count(*) from raw.cases where num_nonnulls(chuhoso, sodienthoai, diachi,"
        " email, sogiaytochuhoso, nguoitiepnhan, nguoixuly, ghichu) > 0),"
        " (select count(*) from raw.ratings where num_nonnulls(macanbo, noidung) > 0),"
        " (select count(*) from raw.ratings where personal_digest is not null)"
    )
    with psycopg.connect(url) as connection:
        cases, ratings, digests = connection.execute(filled).fetchone() or ()
    assert min(cases, ratings, digests) > 1_000
    said = done("purge", "--older-than", "30")
    assert "Emptied cases, 20" in said
    with psycopg.connect(url) as connection:
        assert connection.execute(filled).fetchone() == (0, 0, digests)
    again = recompute("2019-H1.r1")
    assert again.is_same, (again.differences, again.evidence_differences)
    assert "Nothing new" in done("build")
    assert "stands already" in done("publish", "2019-Q1", "--approved-by", "Nguyễn Văn A")
