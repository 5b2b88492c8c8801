"""Numbers, percentages and dates as Vietnamese official documents print them.

Source: Decree 30/2020/NĐ-CP for the documents, the Centre's 2019 report for the decimals.
"""

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

BLANK = ""
"""What is printed where there is no figure; a missing figure is never a zero."""

_SWAP = str.maketrans(",.", ".,")


def count(number: int) -> str:
    """A whole number with points between thousands: 25031 is 25.031."""
    return f"{number:,}".translate(_SWAP)


def fixed(number: Decimal, digits: int) -> str:
    """A number with `digits` decimals after a comma, rounded half-up: 99.676 to two is 99,68."""
    return f"{half_up(number, digits):,f}".translate(_SWAP)


def percentage(number: Decimal) -> str:
    """A percentage as appendix IV prints it: exactly if two decimals suffice, else to one.

    100 is 100, 31.25 is 31,25, 83.3333 is 83,3. Source: the 2019 report, appendix IV.
    """
    if number != half_up(number, 2):
        return fixed(number, 1)
    exact = fixed(number, 2)
    return exact.rstrip("0").rstrip(",")


def half_up(number: Decimal, digits: int) -> Decimal:
    """Round in decimal arithmetic, halves away from zero, to `digits` decimals."""
    return number.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def day(moment: date) -> str:
    """A date as dd/mm/yyyy."""
    return f"{moment:%d/%m/%Y}"


def moment(at: datetime) -> str:
    """A date with its time of day as dd/mm/yyyy hh:mm."""
    return f"{at:%d/%m/%Y %H:%M}"
