"""Remember the digest of files, so that unchanged ones are not fetched or read every night.

A notebook beside the installation and no part of the warehouse: losing it costs one more reading.
What is loaded is decided by the manifest alone, by sha256.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from motcua import settings

FRESH = 60
"""Seconds during which a time of change may still hide a second change within the same second."""


def note(identity: str, size: int, mark: str, sha256: str) -> None:
    """Keep the digest of a file under its size (bytes) and its mark.

    A file without a mark, or whose mark is a time that has only just passed, is not kept.
    """
    if not mark or _is_fresh(mark):
        return
    with suppress(sqlite3.Error), _book() as book:
        book.execute(
            "insert or replace into seen values (?, ?, ?, ?)", (identity, size, mark, sha256)
        )


def known() -> dict[tuple[str, int, str], str]:
    """sha256 of all files that were seen, by identity, size (bytes) and mark."""
    try:
        with _book() as book:
            rows = book.execute("select identity, size, mark, sha256 from seen").fetchall()
    except sqlite3.Error:  # damaged, perhaps by a full disk: begin a new one
        _path().unlink(missing_ok=True)
        return {}
    return {(identity, size, mark): sha256 for identity, size, mark, sha256 in rows}


def _is_fresh(mark: str) -> bool:
    try:
        return time.time() - datetime.fromisoformat(mark).timestamp() < FRESH
    except ValueError:
        return False  # an ETag, which is made of the bytes, or the mark of a file in a folder


def _path() -> Path:
    return settings.home() / "landing_seen.sqlite"


@contextmanager
def _book() -> Iterator[sqlite3.Connection]:
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    with closing(sqlite3.connect(path, timeout=30)) as book, book:
        # A notebook that is lost costs little.
        book.execute("pragma synchronous = off")
        book.execute("pragma journal_mode = memory")
        book.execute(
            "create table if not exists seen"
            " (identity text primary key, size integer, mark text, sha256 text)"
        )
        yield book
