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


PRESSES = {
    "both": ("Q1 H1", 1),
    "told after the quarter was known": ("H1", 2),
    "loaded after the quarter was published": ("H1", 3),
    "in a file that the half-year has no more": ("Q1", 4),
    "in a file that the half-year was too early for": ("Q2", 5),
    "in another such file": ("Q2", 5),
}
"""Who counts a press, and the file that told it."""

FILES = {
    1: (date(2019, 3, 1), date(2019, 3, 2)),
    2: (date(2019, 4, 2), date(2019, 4, 3)),
    3: (date(2019, 3, 1), date(2019, 5, 1)),
    4: (date(2019, 3, 1), date(2019, 3, 2)),
    5: (date(2019, 6, 1), date(2019, 9, 1)),
}
"""Business date of each file and the day on which it was loaded."""


def test_presses_that_parts_and_whole_count_otherwise_have_the_reason_of_their_file(
    warehouse: str,
) -> None:
    published = {"Q1": date(2019, 4, 5), "Q2": date(2019, 10, 1), "H1": date(2019, 7, 5)}
    with psycopg.connect(warehouse) as administrator:
        administrator.execute("set session_replication_role = replica")
        for code, day in published.items():
            kind, begin, end = WINDOWS[code]
            administrator.execute(
                "insert into published.publications (publication_id, period_code, revision, kind,"
                " cases_from, cases_to, ratings_from, ratings_to, processes_as_of, known_as_of,"
                " rule_set, reference_sha256, approved_by, code_version, published_at)"
                " values (%s, %s, 1, %s, %s, %s, %s, %s, %s, %s, 'r', 'p', 'A', 'c', %s)",
                [f"{code}.r1", code, kind, *(begin, end) * 2, end, end, day],
            )
        for number, (business_date, loaded_on) in FILES.items():
            administrator.execute(
                "insert into raw.files (file_id, feed, uri, file_name, business_date, sha256,"
                " bytes, records, loaded, rejected, state, read_by, loaded_at)"
                " values (%s, 'ratings', 'x', 'x', %s, %s, 1, 1, 1, 0, 'loaded', 'stream', %s)",
                [number, business_date, f"sha-{number}", loaded_on],
            )
        for name, (counted_by, number) in PRESSES.items():
            pressed_at = "2019-05-02" if counted_by == "Q2" else "2019-03-01"
            for code in counted_by.split():
                administrator.execute(
                    "insert into evidence.ratings (publication_id, press_key, unit_code, kiosk,"
                    " counter, ticket, pressed_at, button, row_id)"
                    " values (%s, %s, 'U', 'K', 'Q', 'T', %s, 1, %s)",
                    [f"{code}.r1", name, pressed_at, number << 32],
                )
                administrator.execute(
                    "insert into published.release_inputs (publication_id, feed, file_name,"
                    " business_date, part, revision, sha256, records)"
                    " values (%s, 'ratings', 'x', '2019-03-01', '', 1, %s, 1)"
                    " on conflict do nothing",
                    [f"{code}.r1", f"sha-{number}"],
                )
    with database.connect(database.PUBLISHER) as connection:
        found = revisions._press_changes(connection, "H1.r1", ["Q1.r1", "Q2.r1"])
        begin, end = WINDOWS["H1"][1:]
        assert revisions.tile_ratings(connection, ["Q1.r1", "Q2.r1"], begin, end)
        assert not revisions.tile_ratings(connection, ["Q1.r1"], begin, end)
        assert not revisions.tile_ratings(connection, [], begin, end)
    reasons = {
        column: {one.reason: one.difference for one in found if one.cell[2] == column}
        for column in ("total", "satisfied_service", "comments")
    }
    expected = {"recorded_late": 1, "loaded_late": 1 - 2, "file_replaced": -1}
    assert reasons["total"] == reasons["satisfied_service"] == expected
    assert reasons["comments"] == {}
