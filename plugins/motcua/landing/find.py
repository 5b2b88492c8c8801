"""Find the export files of a landing zone, read their names, and open them.

Only this module and `remote` know what kind of zone it is: a folder, s3:// or sftp://.

Source: section 1 of the contract:
`<landing>/<feed>/<anything>/<feed>_<business date>[_<part>][_r<revision>].(csv|csv.gz|xlsx)`.
"""

import hashlib
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from io import BufferedReader
from pathlib import Path, PurePosixPath
from stat import S_ISDIR, S_ISREG
from typing import Literal, cast

from motcua import settings
from motcua.errors import Failed
from motcua.landing import remote, seen
from motcua.landing.feeds import FEEDS

Form = Literal["csv", "csv.gz", "xlsx"]

UNFINISHED = (".tmp", ".part")

COARSEST_CLOCK = 2
"""Seconds within which a second change of a file may leave its times as they are."""
"""Endings of files that somebody still writes."""

_NAME = re.compile(
    rf"(?P<feed>{'|'.join(FEEDS)})_(?P<day>\d{{4}}-\d{{2}}-\d{{2}})"
    r"(?:_(?!r\d+\.)(?P<part>[0-9A-Za-z][0-9A-Za-z_-]*?))?(?:_r(?P<revision>[1-9]\d{0,3}))?"
    r"\.(?P<form>(?i:csv|csv\.gz|xlsx))"
)

_LIKE_A_REVISION = re.compile(r"(?i)(?:^|[_-])(?:r[_-]?[0-9]+|rev(?:ision)?[_-]?[0-9]*)$")
"""Parts that would let a correction count beside what it corrects."""


class StillWritten(Exception):
    """The file changed while it was read; it waits for the next run."""


@dataclass(frozen=True)
class ExportFile:
    """One export file: what its name says, and where it lies. size is in bytes.

    listed: how the zone lists it; sha256 is told when it is known without reading. Of a remote
    file: zone says where to fetch it, at is its copy on this machine.
    """

    feed: str
    business_date: date
    part: str
    revision: int
    form: Form
    name: str
    uri: str
    size: int
    zone: remote.Zone | None = field(default=None, repr=False)
    listed: remote.Listed | None = field(default=None, repr=False)
    at: Path | None = field(default=None, repr=False)
    sha256: str | None = None

    @property
    def key(self) -> tuple[str, date, str, int]:
        """What the name identifies; files of one key with other bytes are one export rewritten."""
        return self.feed, self.business_date, self.part, self.revision


class Unrecognised(ValueError):
    """A name that is not one of an export file; the text says why and what to do."""


def find(
    landing: str, options: Mapping[str, str] | None = None
) -> tuple[list[ExportFile], list[str]]:
    """Export files of the landing zone in a fixed order, and a warning for every other file.

    options: how to log in to a remote zone, by default as the settings say. Files whose name says
    that they are still being written, and what is hidden, are left out with a warning.
    Raises Failed when the landing zone is not there.
    """
    if remote.is_remote(landing):
        zone = remote.connect(landing, options)
        listed, warnings = remote.listing(zone)
    else:
        zone = None
        listed, warnings = _folder_listing(landing)
    known = seen.known()
    warnings = [shown(warning) for warning in warnings]
    if not listed:
        warnings.append(
            f"Nothing lies under {landing}. If exports should be there, check that it is the right"
            " place (MOTCUA_LANDING) and, of a share, that it is mounted."
        )
    found = []
    hidden: set[str] = set()
    for entry in listed:
        path = PurePosixPath(entry.path)
        if (place := _hidden(path)) is not None:
            hidden.add(place)
            continue
        if path.name.endswith(UNFINISHED):
            warnings.append(
                f"{shown(path)}: waits, as its name ends with {path.suffix}. Whoever writes it has"
                " to rename it when it is whole."
            )
            continue
        try:
            file = parse(landing, path, entry.size)
        except Unrecognised as reason:
            warnings.append(f"{shown(path)}: {reason}")
            continue
        file = replace(file, zone=zone, listed=entry)
        sha256 = known.get((_identity(file), entry.size, entry.mark))
        found.append(replace(file, sha256=sha256))
    if hidden:
        warnings.append(
            f"Hidden files and folders are not looked into: {first_ten(sorted(hidden))}. If exports"
            " lie there, move them."
        )
    return sorted(found, key=lambda file: (file.key, file.uri)), warnings


def _hidden(path: PurePosixPath) -> str | None:
    """The hidden folder in which a file lies, or the file itself when it is hidden; else None."""
    for place, name in enumerate(path.parts, start=1):
        if name.startswith("."):
            return "/".join(path.parts[:place]) + ("/" if place < len(path.parts) else "")
    return None


def first_ten(names: Sequence[str]) -> str:
    """As far as they fit into a message: ten, and how many more."""
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(shown(name) for name in names[:10]) + more


def parse(landing: str, path: PurePosixPath, size: int) -> ExportFile:
    """What the name and the folder of a file (`path` in the landing zone) say.

    Raises Unrecognised when they do not follow the contract.
    """
    if not str(path).isprintable():
        raise Unrecognised(
            "not loaded, as its name or folder has characters that cannot be shown. Rename it."
        )
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise Unrecognised(
            "not loaded, as its name is not <feed>_<yyyy-mm-dd>[_<part>][_r<revision>] with .csv,"
            f" .csv.gz or .xlsx. Rename or remove it. Feeds: {', '.join(FEEDS)}."
        )
    if _LIKE_A_REVISION.search(match["part"] or ""):
        raise Unrecognised(
            f"not loaded, as its part {match['part']} looks like a revision, which is written _r2,"
            " _r3 … up to _r9999 in lower case and after the part. Rename it."
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


def shown(path: object) -> str:
    """A text from outside as a table, a terminal or a log may hold it.

    What cannot be printed (controls, NUL, bytes that are no letter) stands as \\x1b or so.
    """
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(path))


@contextmanager
def at_hand(file: ExportFile) -> Iterator[ExportFile]:
    """The file where it can be read again and again: a remote one is copied for that time.

    Raises StillWritten when it has changed since it was listed, OSError when it cannot be read, and
    Failed when its zone does not answer any more.
    """
    if file.zone is None or file.listed is None:
        yield file
        return
    with remote.fetched(file.zone, file.listed) as copy:
        if not copy.is_steady:
            raise StillWritten
        yield replace(file, at=copy.path, sha256=copy.sha256)


def open_file(file: ExportFile) -> BufferedReader:
    """The bytes of a file, as they lie in the landing zone. A remote file must be at hand."""
    return open(_path(file), "rb")


def stamp(file: ExportFile) -> tuple[int, int]:
    """Size and time of the last change; they differ when somebody still writes the file."""
    status = _path(file).stat()
    return status.st_size, status.st_mtime_ns


def is_fresh(file: ExportFile) -> bool:
    """Whether a file changed so lately that a writer may only pause (`settings.quiet_seconds`).

    Objects of S3 are there as a whole or not at all. A time further ahead than that tells nothing,
    as the clock that set it is wrong.
    """
    if file.listed is None or file.zone is None:
        changed = _path(file).stat().st_mtime
    elif file.zone.address.scheme == remote.SFTP and file.listed.mark:
        changed = datetime.fromisoformat(file.listed.mark).timestamp()
    else:
        return False
    return abs(time.time() - changed) < settings.quiet_seconds()


def digest(file: ExportFile) -> str:
    """sha256 of the bytes of a file, which is remembered as long as the file does not change."""
    if file.sha256:
        return file.sha256
    with open_file(file) as source:
        sha256 = hashlib.file_digest(source, "sha256").hexdigest()
        status = os.fstat(source.fileno())
    if file.zone is None and file.listed and file.listed.mark == _mark(status):
        seen.note(_identity(file), status.st_size, file.listed.mark, sha256)
    return sha256


def _identity(file: ExportFile) -> str:
    """What a file is called in the notebook of files seen."""
    if file.zone and file.listed:
        return remote.identity(file.zone, file.listed)
    return os.path.abspath(_path(file))


def _mark(status: os.stat_result) -> str:
    """What changes when a file of a folder changes; nothing as long as it may change unnoticed."""
    if time.time() - status.st_ctime < COARSEST_CLOCK:
        return ""
    return f"{status.st_ino} {status.st_mtime_ns} {status.st_ctime_ns}"


def _path(file: ExportFile) -> Path:
    return file.at or _folder(file.uri)


def _folder_listing(landing: str) -> tuple[list[remote.Listed], list[str]]:
    """Every file of a folder, and a warning for everything that cannot be looked into."""
    root = _folder(landing)
    if not root.is_dir():
        raise Failed(
            f"The landing zone {landing} is not a folder that can be read. Create it, or set"
            " MOTCUA_LANDING (or `--landing`) to the folder with the exports."
        )
    home = os.path.realpath(root)
    files: list[remote.Listed] = []
    warnings: list[str] = []
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            entries = list(os.scandir(root / folder))
        except OSError as error:
            if not folder:
                raise Failed(
                    f"The landing zone {landing} cannot be listed ({error.strerror}). Let this"
                    " user read it."
                ) from error
            warnings.append(
                f"{shown(folder)}: this folder cannot be listed ({error.strerror}). Ask its owner."
            )
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                waiting.append(path)
                continue
            try:
                status = entry.stat()
            except FileNotFoundError:
                kind = "link that leads nowhere"
                if not entry.is_symlink():
                    continue
            except OSError as error:
                kind = f"link that cannot be followed ({error.strerror})"
            else:
                if entry.is_symlink() and not _lies_in(home, entry.path):
                    kind = "link that leads out of the landing zone"
                elif S_ISREG(status.st_mode):
                    files.append(remote.Listed(path, status.st_size, _mark(status)))
                    continue
                else:
                    kind = "link to a folder" if S_ISDIR(status.st_mode) else "device or pipe"
            warnings.append(f"{shown(path)}: not loaded, as it is a {kind} and no file.")
    return files, warnings


def _lies_in(home: str, path: str) -> bool:
    """Whether a path lies below a folder once all links are followed."""
    return os.path.commonpath([home, os.path.realpath(path)]) == home


def _folder(uri: str) -> Path:
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return Path(uri)
    if scheme == "file":
        return Path(rest)
    raise Failed(
        f"The landing zone {uri} cannot be read: it is no folder, s3://bucket/prefix or"
        " sftp://user@host/path. Correct MOTCUA_LANDING (or `--landing`)."
    )
