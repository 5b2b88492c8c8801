"""Which releases a longer period is compared with: those whose windows tile its own."""

from datetime import date

import psycopg
import pytest

from motcua.publication import revisions
from motcua.publication.periods import Period
from motcua.warehouse import database

WINDOWS = {
    "Q1": ("quarter", date(2019, 1, 1), date(2019, 3, 31)),
    "Q2": ("quarter", date(2019, 4, 1), date(2019, 6, 30)),
    "Q3": ("quarter", date(2019, 7, 1), date(2019, 9, 30)),
    "Q4": ("quarter", date(2019, 10, 1), date(2019, 12, 31)),
    "H1": ("half_year", date(2019, 1, 1), date(2019, 6, 30)),
    "H2": ("half_year", date(2019, 7, 1), date(2019, 12, 31)),
    "Y": ("year", date(2019, 1, 1), date(2019, 12, 31)),
}


@pytest.mark.parametrize(
    ("longer", "withdrawn", "expected"),
    [
        ("Y", "", "H1 H2"),
        ("Y", "H2", "H1 Q3 Q4"),
        ("Y", "H1", "Q1 Q2 H2"),
        ("Y", "H1 H2", "Q1 Q2 Q3 Q4"),
        ("Y", "H2 Q3", ""),
        ("Y", "H1 Q1", ""),
        ("H1", "", "Q1 Q2"),
        ("H1", "Q2", ""),
        ("H1", "Q1", ""),
        ("Q1", "", ""),
    ],
)
def test_parts_tile_the_longer_period_or_there_are_none(
    warehouse: str, longer: str, withdrawn: str, expected: str
) -> None:
    with psycopg.connect(warehouse) as administrator:
        for code, (kind, begin, end) in WINDOWS.items():
            administrator.execute(
                "insert into published.publications (publication_id, period_code, revision, kind,"
                " cases_from, cases_to, ratings_from, ratings_to, processes_as_of, known_as_of,"
                " rule_set, reference_sha256, approved_by, code_version)"
                " values (%s, %s, 1, %s, %s, %s, %s, %s, %s, %s, 'r', 'p', 'A', 'c')",
                [f"{code}.r1", code, kind, *(begin, end) * 2, end, end],
            )
        for code in withdrawn.split():
            administrator.execute(
                "insert into published.withdrawals (publication_id, by, reason)"
                " values (%s, 'B', 'x')",
                [f"{code}.r1"],
            )
    kind, begin, end = WINDOWS[longer]
    period = Period(*(longer, kind, longer, begin, end, begin, end, end, end, "r", "p", end, end))
    with database.connect(database.PUBLISHER) as connection:
        found = revisions.parts(connection, period)
    assert found == [f"{code}.r1" for code in expected.split()]
