"""A warehouse in which the whole sample is published, made once by the command line."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from commands import PERIODS, done
from motcua_sample import write_sample


@pytest.fixture(scope="session")
def published(
    server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """A warehouse in which the whole sample is published; its URL and the landing zone."""
    folder = tmp_path_factory.mktemp("published")
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as admin:
        admin.execute("create database end_to_end")
    url = f"{server_url}/end_to_end"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("home", "landing", "publications"):
            (folder / name).mkdir()
            patch.setenv(f"MOTCUA_{name.upper()}", str(folder / name))
        patch.setenv("MOTCUA_WAREHOUSE_URL", url)
        write_sample(folder / "landing")
        done("ingest")
        done("build")
        for period in PERIODS:
            done("publish", period, "--approved-by", "Nguyễn Văn A")
        yield url, folder
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as admin:
        admin.execute("drop database end_to_end with (force)")


@pytest.fixture
def copy(
    server_url: str, published: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Path]]:
    """A copy of the published warehouse, to be changed."""
    name = f"c_{secrets.token_hex(6)}"
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as admin:
        admin.execute(f"create database {name} template end_to_end strategy file_copy")
        admin.execute(f"grant create on database {name} to motcua_transformer")
    (tmp_path / "landing").mkdir()
    monkeypatch.setenv("MOTCUA_WAREHOUSE_URL", f"{server_url}/{name}")
    monkeypatch.setenv("MOTCUA_LANDING", str(tmp_path / "landing"))
    monkeypatch.setenv("MOTCUA_PUBLICATIONS", str(tmp_path / "publications"))
    yield f"{server_url}/{name}", tmp_path / "landing"
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as admin:
        admin.execute(f"drop database {name} with (force)")
