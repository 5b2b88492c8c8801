"""Companions of a release: intervals, groups, and that nobody changes them."""

from decimal import Decimal, localcontext

import psycopg
import pytest

from motcua.publication import companions, release
from motcua.publication.companions import Settled, wilson
from motcua.warehouse import database

TABLES = list(companions.KEYS)


def textbook(successes: int, trials: int) -> tuple[Decimal, Decimal]:
    """The interval as textbooks write it, from the share, with 40 digits."""
    with localcontext() as context:
        context.prec = 40
        z = Decimal("1.959963984540054")
        share = Decimal(successes) / trials
        middle = share + z * z / (2 * trials)
        width = z * (share * (1 - share) / trials + z * z / (4 * Decimal(trials) ** 2)).sqrt()
        return tuple(100 * (middle + sign * width) / (1 + z * z / trials) for sign in (-1, 1))


@pytest.mark.parametrize(
    ("successes", "trials"),
    [(81, 263), (0, 10), (10, 10), (1, 1), (70, 21_648), (9_999_999, 10**7)],
)
def test_wilson_is_that_of_the_textbook(successes: int, trials: int) -> None:
    found = wilson(Decimal(successes), Decimal(trials))
    assert found is not None
    for bound, expected in zip(found, textbook(successes, trials), strict=True):
        assert abs(bound - expected) <= Decimal("1e-10")
        assert bound.as_tuple().exponent == -10


def test_wilson_gives_known_values() -> None:
    """81 of 263: 0.2553 to 0.3662 (Newcombe 1998, table I)."""
    lower, upper = wilson(Decimal(81), Decimal(263)) or (None, None)
    assert lower is not None
    assert upper is not None
    assert (round(lower, 2), round(upper, 2)) == (Decimal("25.53"), Decimal("36.62"))
    assert wilson(Decimal(0), Decimal(20)) == (
        0,
        pytest.approx(Decimal("16.1125"), abs=Decimal("0.0001")),
    )
    assert (wilson(Decimal(20), Decimal(20)) or (0, 0))[1] == 100


def test_what_is_no_proportion_has_no_interval() -> None:
    assert wilson(Decimal(0), Decimal(0)) is None
    assert wilson(Decimal(5), Decimal(4)) is None


def case(unit: str, field: str, promised: str, points: int, number: int = 1) -> Settled:
    return Settled(unit, field, promised, Decimal(points), points == 0, number)


def test_groups_are_fields_of_two_units_else_promised_times() -> None:
    """Field F is shared; G and H are one unit's each, comparable by their promise; I is alone."""
    units = [
        {"unit_code": code, "unit_name": code, "display_order": order}
        for order, code in enumerate("ABC")
    ]
    rows = companions.compute(
        {"appendix_1": units, "appendix_2": [], "appendix_4": [], "indicator_evidence": []},
        [
            case("A", "F", "2-5", 2, 30),
            case("B", "F", "6-10", 0, 10),
            case("A", "G", "2-5", 1),
            case("B", "H", "2-5", 2),
            case("C", "I", "over 40", 0, 7),
        ],
        {},
        {},
    )["adjusted_timeliness"]
    found = {row["unit_code"]: row for row in rows}
    # F: 60 / 40 = 1.5; promise 2-5: 3 / 2 = 1.5; all comparable: 63 / 42 = 1.5.
    for unit, expected in {
        "A": (31, 31, Decimal("1.97"), Decimal("1.50"), Decimal("0.47"), Decimal("1.97"), False),
        "B": (11, 11, Decimal("0.18"), Decimal("1.50"), Decimal("-1.32"), Decimal("0.18"), True),
        "C": (7, 0, None, None, None, None, True),
    }.items():
        row = found[unit]
        assert (
            *(row["cases"], row["comparable_cases"], row["comparable_observed"]),
            *(row["expected"], row["difference"], row["adjusted"], row["small_denominator"]),
        ) == expected, unit
    assert found["C"]["observed"] == 0


def test_companions_of_releases_are_there_and_make_no_revision(built: str) -> None:
    release.publish("2019-Q1", "A")
    with database.connect(database.BI_READER) as connection:
        found = connection.execute(
            "select count(*), count(unit_code) from published.latest_rates"
            " where publication_id = '2019-Q1.r1'"
        ).fetchone()
    assert found == (17 * 26, 16 * 26)
    assert not release.publish("2019-Q1", "A").is_new


@pytest.mark.parametrize("role", [database.PUBLISHER, database.BI_READER, database.TRANSFORMER])
@pytest.mark.parametrize("table", TABLES)
def test_nobody_changes_companions(warehouse: str, role: str, table: str) -> None:
    for statement in (
        f"update published.{table} set revision = 2",
        f"delete from published.{table}",
        f"truncate published.{table}",
    ):
        with (
            database.connect(role) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement)
    with (
        psycopg.connect(warehouse) as connection,
        pytest.raises(psycopg.errors.RaiseException, match="insert-only"),
    ):
        connection.execute(f"truncate published.{table}")


def test_bi_reader_reads_the_companions_and_not_the_fields_behind_them(warehouse: str) -> None:
    with database.connect(database.BI_READER) as connection:
        for table in TABLES:
            assert connection.execute(f"select * from published.latest_{table}").fetchall() == []
    with (
        database.connect(database.BI_READER) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("select * from evidence.fields")


def test_windows_that_overlap_in_steps_belong_together() -> None:
    windows = {"Q1": (1, 3), "Q2": (4, 6), "H1": (1, 6), "Q3": (7, 9)}
    assert companions._overlapping("Q1", windows) == {"Q1", "H1", "Q2"}
    assert companions._overlapping("Q3", windows) == {"Q3"}


def test_a_release_of_before_the_companions_is_told_from_others(built: str) -> None:
    release.publish("2019-Q1", "A")
    with psycopg.connect(built) as connection:
        assert companions.are_there(connection, "2019-Q1.r1")
        connection.execute("alter table published.rates disable trigger all")
        connection.execute("delete from published.rates")
        assert not companions.are_there(connection, "2019-Q1.r1")
        connection.rollback()
