"""Vietnamese numbers, percentages and dates."""

from datetime import date
from decimal import Decimal

import pytest

from motcua.documents import formats


@pytest.mark.parametrize(
    ("number", "printed"),
    [(0, "0"), (999, "999"), (1000, "1.000"), (25031, "25.031"), (12345678, "12.345.678")],
)
def test_whole_numbers_have_points_between_thousands(number: int, printed: str) -> None:
    assert formats.count(number) == printed


@pytest.mark.parametrize(
    ("number", "digits", "printed"),
    [
        ("99.676", 2, "99,68"),
        ("100", 2, "100,00"),
        ("0.005", 2, "0,01"),
        ("1.85", 1, "1,9"),
        ("2", 1, "2,0"),
        ("1234.5", 1, "1.234,5"),
    ],
)
def test_decimals_follow_a_comma_and_are_rounded_half_up(
    number: str, digits: int, printed: str
) -> None:
    assert formats.fixed(Decimal(number), digits) == printed


@pytest.mark.parametrize(
    ("part", "whole", "printed"),
    [
        (52, 52, "100"),
        (0, 45, "0"),
        (70, 84, "83,3"),
        (10, 32, "31,25"),
        (46, 64, "71,9"),
        (1, 8, "12,5"),
        (1, 3, "33,3"),
        (2, 3, "66,7"),
        (2999, 3000, "100,0"),
    ],
)
def test_percentages_are_exact_when_two_decimals_suffice_else_have_one(
    part: int, whole: int, printed: str
) -> None:
    assert formats.percentage(Decimal(100 * part) / whole) == printed


def test_dates_are_day_month_year() -> None:
    assert formats.day(date(2019, 6, 5)) == "05/06/2019"
