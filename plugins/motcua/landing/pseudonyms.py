"""Keyed pseudonyms: one person gets one name that tells nothing without the key.

HMAC-SHA256 (RFC 2104) under a key in a file outside the warehouse. The key never leaves this
process: the server gets pseudonyms, not the means to make them.
"""

import hmac
import os
import secrets
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from unicodedata import normalize

from motcua import settings
from motcua.errors import Failed
from motcua.warehouse import database
from motcua.warehouse.database import Connection

FEED = "ratings"
"""The feed whose figures depend on persons: a press is the whole row, with who and what."""

_KEY_BYTES = 32
_DIGITS = 32
"""Hexadecimal digits of a pseudonym: 128 bits."""


def key() -> bytes:
    """The key of the pseudonyms; it is made when there is no file for it yet.

    Raises Failed when the file cannot be read, holds no key, or others may read it.
    """
    path = settings.key_file()
    try:
        if not path.exists():
            _make(path)
        mode, text = path.stat().st_mode, path.read_text(encoding="ascii").strip()
        found = bytes.fromhex(text)
    except OSError as error:
        raise Failed(
            f"The key of the pseudonyms {path} cannot be read or made ({error.strerror})."
            " MOTCUA_KEY_FILE names its file; this account must be able to read it."
        ) from None
    except ValueError:
        found = b""
    if len(found) != _KEY_BYTES:
        raise Failed(
            f"{path} does not hold a key ({_KEY_BYTES} bytes in hexadecimal digits). Put the key"
            " back from where it is kept safe."
        )
    if mode & 0o077:
        raise Failed(f"Others can read the key of the pseudonyms. Run `chmod 600 {path}`.")
    return found


def _make(path: Path) -> None:
    """Write a new key, unless another process is first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.") as file:
        file.write(secrets.token_bytes(_KEY_BYTES).hex())
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)  # mode 600, as temporary files have


def pseudonym(secret: bytes, *values: str | None) -> str | None:
    """Pseudonym of values that together mean one person or text; None when all are empty."""
    if not any(values):
        return None
    text = "\x1f".join(value or "" for value in values)
    return hmac.digest(secret, text.encode(), "sha256").hex()[:_DIGITS]


def officer(secret: bytes, code: str | None) -> str | None:
    """Pseudonym of an officer's code, however its case, blanks and accents are written."""
    return pseudonym(secret, normalize("NFC", code).strip().casefold()) if code else None


def key_id(secret: bytes) -> str:
    """Fingerprint of the key, which tells keys apart and gives none away."""
    return str(pseudonym(secret, "motcua key"))


def check(connection: Connection) -> None:
    """Raise Failed when the key is not the one that the warehouse knows persons by."""
    row = connection.execute(
        "select key_id from raw.files where key_id is not null order by file_id desc limit 1"
    ).fetchone()
    if row is not None and row[0] != key_id(key()):
        raise Failed(
            f"{settings.key_file()} is not the key under which persons were recognised before."
            " Put the former key back there (or name its file with MOTCUA_KEY_FILE). If it is lost,"
            " run `motcua ingest --new-key` once: equal presses told by files of before and after"
            " then count twice."
        )


def write(connection: Connection, file_id: int) -> str:
    """Write the pseudonyms of a file of ratings, in the open transaction; returns the key's id."""
    secret = key()
    rows = "row_id between %(first)s and %(last)s"
    of_file = {"first": file_id << 32, "last": (file_id << 32) + 2**32 - 1}
    connection.execute("select brin_summarize_new_values(%s)", [f"raw.{FEED}_by_row_id"])
    connection.execute("set local enable_seqscan = off")
    persons = connection.execute(
        f"select distinct coalesce(macanbo, ''), coalesce(noidung, '') from raw.{FEED}"
        f" where {rows} and coalesce(macanbo, noidung) is not null",
        of_file,
    ).fetchall()
    if not persons:
        return key_id(secret)
    _send(connection, secret, persons)
    connection.execute(
        f"update raw.{FEED} as press"
        " set personal_digest = person.personal_digest, officer = person.officer"
        " from pg_temp.persons as person"
        f" where {rows} and coalesce(press.macanbo, '') = person.macanbo"
        " and coalesce(press.noidung, '') = person.noidung",
        of_file,
    )
    return key_id(secret)


def _send(connection: Connection, secret: bytes, persons: Sequence[Sequence[str]]) -> None:
    """Bring the pseudonyms to the server; COPY, because no server log shows what it carries."""
    connection.execute(
        "create temporary table if not exists persons"
        " (macanbo text, noidung text, personal_digest text, officer text) on commit delete rows"
    )
    connection.execute("truncate pg_temp.persons")
    with connection.cursor().copy("copy pg_temp.persons from stdin") as copy:
        for code, comment in persons:
            copy.write_row((code, comment, pseudonym(secret, code, comment), officer(secret, code)))
    connection.execute("analyze pg_temp.persons")


def complete() -> int:
    """Write the pseudonyms of files loaded before there were any; returns how many files."""
    with database.connect(database.LOADER, autocommit=True) as connection:
        check(connection)
        waiting = connection.execute(
            "select file_id from raw.files where feed = %s and state = 'loaded'"
            " and key_id is null and purged_at is null order by file_id",
            [FEED],
        ).fetchall()
        for (file_id,) in waiting:
            with connection.transaction():
                written = write(connection, file_id)
                connection.execute(
                    "update raw.files set key_id = %s where file_id = %s", [written, file_id]
                )
    return len(waiting)
