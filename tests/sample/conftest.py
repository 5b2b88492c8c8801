"""The sample, written once for the session, and its figures by the independent oracle."""

import csv
from pathlib import Path
from typing import Any

import pytest

import oracle
from motcua_sample import write_sample

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "reference" / "soc_trang"
REPORT = ROOT / "sample" / "report"


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a csv file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


UNIT_CODES = {
    int(row["display_order"]): row["unit_code"] for row in read_table(REFERENCE / "units.csv")
}


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder of the sample and the totals that its writer told."""
    folder = tmp_path_factory.mktemp("sample") / "landing"
    return folder, write_sample(folder)


@pytest.fixture(scope="session")
def landing(written: tuple[Path, dict[str, Any]]) -> Path:
    """The folder of the sample."""
    return written[0]


@pytest.fixture(scope="session")
def published(landing: Path) -> dict[str, dict[str, oracle.Table]]:
    """Period → table → unit → column → figure, as known on the day of each publication."""
    return {
        period: oracle.figures(landing, REFERENCE, period)
        for period in ("2019-Q1", "2019-Q2", "2019-H1")
    }


@pytest.fixture(scope="session")
def exports(landing: Path) -> dict[str, list[oracle.Record]]:
    """Every record of the sample that counts, by feed."""
    return oracle.read_exports(landing)


@pytest.fixture(scope="session")
def histories(exports: dict[str, list[oracle.Record]]) -> dict[str, list[oracle.Record]]:
    """Case code → its records in the order of their business dates."""
    found: dict[str, list[oracle.Record]] = {}
    for record in sorted(exports["cases"], key=lambda record: record.day):
        found.setdefault(record.row["MaHoSo"], []).append(record)
    return found
