"""Find the export files of a landing zone and read their names.

Source: section 1 of the contract:
`<landing>/<feed>/<anything>/<feed>_<business date>[_<part>][_r<revision>].(csv|csv.gz|xlsx)`.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from io import BufferedReader
from pathlib import Path
from typing import Literal, cast

from motcua.errors import Failed
from motcua.landing.feeds import FEEDS

Form = Literal["csv", "csv.gz", "xlsx"]

UNFINISHED = (".tmp", ".part")
"""Endings of files that somebody still writes."""

_NAME = re.compile(
    rf"(?P<feed>{'|'.join(FEEDS)})_(?P<day>\d{{4}}-\d{{2}}-\d{{2}})"
    r"(?:_(?!r\d+\.)(?P<part>[0-9A-Za-z][0-9A-Za-z_-]*?))?(?:_r(?P<revision>[1-9]\d{0,3}))?"
    r"\.(?P<form>(?i:csv|csv\.gz|xlsx))"
)


@dataclass(frozen=True)
class ExportFile:
    """One export file: what its name says, and where it lies. size is in bytes."""

    feed: str
    business_date: date
    part: str
    revision: int
    form: Form
    name: str
    uri: str
    size: int

    @property
    def key(self) -> tuple[str, date, str, int]:
        """What the name identifies; files of one key with other bytes are one export rewritten."""
        return self.feed, self.business_date, self.part, self.revision


class Unrecognised(ValueError):
    """A name that is not one of an export file; the text says why and what to do."""


def find(landing: str) -> tuple[list[ExportFile], list[str]]:
    """Export files of the landing zone in a fixed order, and a warning for every other file.

    Files that are still being written and hidden files are left out without a word.
    Raises Failed when the landing zone is not there.
    """
    found, warnings = [], []
    for path, size in _walk(landing):
        if path.name.startswith(".") or path.name.endswith(UNFINISHED):
            continue
        try:
            found.append(parse(landing, path, size))
        except Unrecognised as reason:
            warnings.append(f"{path}: {reason}")
    return sorted(found, key=lambda file: (file.key, file.uri)), warnings


def parse(landing: str, path: Path, size: int) -> ExportFile:
    """What the name and the folder of a file (`path` in the landing zone) say.

    Raises Unrecognised when they do not follow the contract.
    """
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise Unrecognised(
            "not loaded, as its name is not <feed>_<yyyy-mm-dd>[_<part>][_r<revision>] with .csv,"
            f" .csv.gz or .xlsx. Rename or remove it. Feeds: {', '.join(FEEDS)}."
        )
    if path.parts[0] != match["feed"] or len(path.parts) == 1:
        raise Unrecognised(f"not loaded, as it does not lie in folder {match['feed']}/. Move it.")
    try:
        business_date = date.fromisoformat(match["day"])
    except ValueError:
        raise Unrecognised(
            f"not loaded, as {match['day']} is not a day of the calendar. Rename it."
        ) from None
    return ExportFile(
        feed=match["feed"],
        business_date=business_date,
        part=match["part"] or "",
        revision=int(match["revision"] or 1),
        form=cast(Form, match["form"].lower()),
        name=path.name,
        uri=f"{landing.rstrip('/')}/{path.as_posix()}",
        size=size,
    )


def open_file(file: ExportFile) -> BufferedReader:
    """The bytes of a file, as they lie in the landing zone."""
    return open(_folder(file.uri), "rb")


def stamp(file: ExportFile) -> tuple[int, int]:
    """Size and time of the last change; they differ when somebody still writes the file."""
    status = _folder(file.uri).stat()
    return status.st_size, status.st_mtime_ns


def digest(file: ExportFile) -> str:
    """sha256 of the bytes of a file."""
    with open_file(file) as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _walk(landing: str) -> Iterator[tuple[Path, int]]:
    """Path in the landing zone and size of every file. Other kinds of zones come in here."""
    root = _folder(landing)
    if not root.is_dir():
        raise Failed(
            f"The landing zone {landing} is not a folder that can be read. Create it, or set"
            " MOTCUA_LANDING (or `--landing`) to the folder with the exports."
        )
    for folder, subfolders, names in os.walk(root):
        subfolders.sort()
        for name in names:
            path = Path(folder, name)
            try:
                yield path.relative_to(root), path.stat().st_size
            except FileNotFoundError:
                continue


def _folder(uri: str) -> Path:
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return Path(uri)
    if scheme == "file":
        return Path(rest)
    raise Failed(
        f"The landing zone {uri} is not a folder; other kinds than folders cannot be read yet."
        " Copy the exports into a folder and set MOTCUA_LANDING to it."
    )
