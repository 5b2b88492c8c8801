"""A landing zone of its own for every test."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from motcua.landing.feeds import FEEDS


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    """The landing zone of the test."""
    return tmp_path / "landing"


@pytest.fixture
def put(landing: Path, warehouse: str) -> Callable[[str, bytes], Path]:
    """Lay a file into the landing zone, in the folder of its feed."""

    def put(name: str, content: bytes) -> Path:
        feed = next(feed for feed in FEEDS if name.startswith(f"{feed}_"))
        path = landing / feed / "2019" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return put


@pytest.fixture
def rows(warehouse: str) -> Callable[[str], list[tuple[object, ...]]]:
    """Ask the warehouse as its administrator."""

    def rows(query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(warehouse) as connection:
            return connection.execute(query).fetchall()

    return rows
