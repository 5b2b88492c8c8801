"""Derive broken export files from sound ones, and tell what the contract makes of each.

What is expected comes from what was done to the file, never from the loader's code. The same seed
gives the same files.
"""

import csv
import gzip
import io
import random
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from export_files import OTHER_UNIT, UNIT

from motcua.landing.feeds import FEEDS
from xlsx import workbook

LOADED, QUARANTINED, IGNORED = "loaded", "quarantined", "ignored"
LIMIT_PERCENT = 5
RARE_FEEDS = ("late_reviews", "external_counts", "supplements", "petitions", "procedures")

PERSONAL = (
    "12/05/1980",
    "0912.345.678",
    "0791.8500.1234",
    "079185001234",
    "NGOC.TRAN",
    "B1234567",
    "Trần Thị Bích Ngọc",
)
"""Values that no message may show; only the first is also a time."""

Rows = list[list[str]]


@dataclass
class Broken:
    """A broken file and what must become of it.

    rejects: record → (column, what the reason says). reason: what the quarantine says.
    warning: what a warning that names the file says. content None: a folder of that name.
    """

    what: str
    feed: str
    content: bytes | None
    form: str = "csv"
    state: str = LOADED
    records: int = 0
    rejects: dict[int, tuple[str | None, str]] = field(default_factory=dict)
    reason: str = ""
    warning: str = ""
    name: str = ""


def corpus(seed: int, rounds: int = 2) -> Iterator[Broken]:
    """Broken files, each with a name of its own."""
    chance = random.Random(seed)
    day = date(2019, 1, 1)
    for _ in range(rounds):
        for mutation in MUTATIONS:
            for broken in mutation(chance):
                day += timedelta(days=1)
                broken.name = broken.name or f"{broken.feed}_{day}.{broken.form}"
                yield broken


def sound(chance: random.Random, feed: str, count: int) -> Rows:
    """Header and good records of a feed; text columns have Vietnamese letters."""
    columns = FEEDS[feed].columns
    rows = [[column.name for column in columns]]
    for number in range(1, count + 1):
        moment = f"201903{chance.randrange(1, 29):02}{chance.randrange(7, 18):02}0000"
        rows.append(
            [
                chance.choice((UNIT, OTHER_UNIT))
                if column.name == "MaDonVi"
                else "K01"
                if column.kiosk
                else str(chance.choice(column.codes))
                if column.codes
                else chance.choice(PERSONAL)
                if column.personal
                else {"time": moment, "whole": str(number), "text": f"Hồ sơ {number}"}[column.kind]
                for column in columns
            ]
        )
    return rows


def text(rows: Rows, separator: str = ",", newline: str = "\n", quote_all: bool = False) -> str:
    """Rows as csv."""
    target = io.StringIO()
    quoting = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    csv.writer(target, delimiter=separator, lineterminator=newline, quoting=quoting).writerows(rows)
    return target.getvalue()


WRITINGS: dict[str, tuple[str, Callable[[Rows], bytes]]] = {
    "utf-8": ("csv", lambda rows: text(rows).encode()),
    "utf-8 with a BOM": ("csv", lambda rows: text(rows).encode("utf-8-sig")),
    "semicolons, CRLF": ("csv", lambda rows: text(rows, ";", "\r\n").encode()),
    "all quoted": ("csv", lambda rows: text(rows, quote_all=True).encode()),
    "CR alone": ("csv", lambda rows: text(rows, newline="\r").encode()),
    "utf-16, little end first": (
        "csv",
        lambda rows: b"\xff\xfe" + text(rows).encode("utf-16-le"),
    ),
    "utf-16, big end first": ("csv", lambda rows: b"\xfe\xff" + text(rows).encode("utf-16-be")),
    "gzip": ("csv.gz", lambda rows: gzip.compress(text(rows).encode())),
    "xlsx": ("xlsx", workbook),
}


def judged(broken: Broken) -> Broken:
    """Too many rejects quarantine the file, and the reason names the first of them."""
    if len(broken.rejects) * 100 > LIMIT_PERCENT * broken.records:
        broken.state = QUARANTINED
        first = min(broken.rejects)
        column, reason = broken.rejects[first]
        where = f"record {first}, column {column}" if column else f"record {first}"
        broken.reason = (
            f"{len(broken.rejects)} of {broken.records} records are rejected, more than 5 %;"
            f" the first: {where}: "
        )
        assert reason
    return broken


def bad_values(chance: random.Random) -> Iterator[Broken]:
    """Values that break a rule, in every writing; few of them, or too many."""
    faults = (
        ("no value", lambda c: c.required and not c.empty_when, ("",), "is empty"),
        ("no such time", lambda c: c.kind == "time", _NO_TIMES, "is not a time that exists"),
        ("no such code", lambda c: bool(c.codes), ("97", "11111"), "is not allowed"),
        ("no number", lambda c: c.kind == "whole", ("x", "1.5", "-1"), "is not a whole number"),
        ("personal for a time", lambda c: c.kind == "time", PERSONAL[1:], "is not a time that ex"),
        ("personal for a unit", lambda c: c.unit, PERSONAL, "is not a unit of the refer"),
        ("personal for a code", lambda c: bool(c.codes), PERSONAL, "is not a whole number"),
        ("no such unit", lambda c: c.unit, ("000.00.77.H51", "?"), "is not a unit of the refer"),
    )
    for writing, (form, write) in WRITINGS.items():
        for what, concerns, values, reason in faults:
            feeds = [f for f in FEEDS if any(concerns(c) for c in FEEDS[f].columns)]
            feed = chance.choice(feeds)
            count = chance.randrange(45, 90)
            rows = sound(chance, feed, count)
            is_few = chance.random() < 0.7
            most = count * LIMIT_PERCENT // 100
            number = chance.randint(1, most) if is_few else chance.randint(most + 1, count)
            broken = Broken(f"{what}, {writing}", feed, None, form, records=count)
            for record in chance.sample(range(1, count + 1), number):
                column = chance.choice([c for c in FEEDS[feed].columns if concerns(c)])
                place = rows[0].index(column.name)
                rows[record][place] = chance.choice(values)
                broken.rejects[record] = (column.name, reason)
            broken.content = write(rows)
            yield judged(broken)


_NO_TIMES = ("20190230080000", "mai", "31/04/2019", "2019-13-01", "20190304250000", "NULL", "0")


def bad_lines(chance: random.Random) -> Iterator[Broken]:
    """Lines that are no record: fields too few or too many, quotes, NUL bytes, other bytes."""

    def fewer(line: bytes) -> bytes:
        return line.rsplit(b",", chance.randrange(1, 4))[0]

    def quote(line: bytes) -> bytes:
        return b'"' + line

    kinds: tuple[tuple[str, Callable[[bytes], bytes], str | None, str], ...] = (
        ("fewer fields", fewer, None, "fields where the header has"),
        ("more fields", lambda line: line + b",x", None, "fields where the header has"),
        ("an open quote", quote, None, "has a quote that is stray"),
        ("a NUL byte", lambda line: b"\0" + line, "first", "has a NUL byte"),
        ("a byte of no letter", lambda line: b"\xff" + line, "first", "bytes that are not UTF-8"),
        ("a letter cut", lambda line: b"\xe1\xbb" + line, "first", "bytes that are not UTF-8"),
    )
    for what, spoil, where, reason in kinds:
        for packed in (False, True):
            feed = chance.choice([name for name in FEEDS if name != "external_counts"])
            count = chance.randrange(50, 90)
            lines = text(sound(chance, feed, count)).encode().splitlines()
            broken = Broken(what, feed, None, records=count)
            column = FEEDS[feed].columns[0].name if where else None
            for record in chance.sample(range(1, count + 1), chance.randint(1, 4)):
                lines[record] = spoil(lines[record])
                broken.rejects[record] = (column, reason)
            content = b"".join(line + b"\n" for line in lines)
            broken.form = "csv.gz" if packed else "csv"
            broken.content = gzip.compress(content) if packed else content
            yield judged(broken)


def bad_headers(chance: random.Random) -> Iterator[Broken]:
    """Columns that are missing, renamed, doubled, in another order, or not of the feed."""
    for form, write in (WRITINGS["utf-8"], WRITINGS["utf-16, big end first"], WRITINGS["xlsx"]):
        feed = chance.choice(list(FEEDS))
        count = chance.randrange(1, 30)
        required = chance.choice([c.name for c in FEEDS[feed].columns if c.required])
        optional = chance.choice([c.name for c in FEEDS[feed].columns if not c.required])

        def spoiled(
            what: str,
            change: Callable[[Rows], object],
            reason: str = "",
            warning: str = "",
            feed: str = feed,
            count: int = count,
            form: str = form,
            write: Callable[[Rows], bytes] = write,
        ) -> Broken:
            rows = sound(chance, feed, count)
            change(rows)
            state, records = (QUARANTINED, 0) if reason else (LOADED, count)
            return Broken(
                what, feed, write(rows), form, state, records, reason=reason, warning=warning
            )

        def without(name: str) -> Callable[[Rows], object]:
            return lambda rows: [row.pop(place) for place in [rows[0].index(name)] for row in rows]

        def renamed(name: str, other: str) -> Callable[[Rows], object]:
            return lambda rows: rows[0].__setitem__(rows[0].index(name), other)

        yield spoiled("a required column is missing", without(required), "Required column missing")
        yield spoiled("an optional one is missing", without(optional), warning=optional)
        yield spoiled("renamed", renamed(required, "Cot moi"), f"column missing: {required}")
        yield spoiled("lower case", renamed(required, required.lower()), "exactly so")
        yield spoiled("an optional one is renamed", renamed(optional, "Cột"), warning='"Cột"')
        yield spoiled("blanks around a name", renamed(required, f" {required}\u00a0"), warning="")
        yield spoiled("doubled", renamed(optional, required), f"column {required} twice")
        yield spoiled(
            "a column more", lambda rows: [row.append("Màu") for row in rows], warning='"Màu"'
        )
        yield spoiled("columns turned round", lambda rows: [row.reverse() for row in rows])
        yield spoiled("no header", lambda rows: rows.pop(0), "must be the header")
        other = "ratings" if feed != "ratings" else "cases"
        stranger = sound(chance, other, 2)
        yield spoiled(
            "another feed",
            lambda rows, stranger=stranger: rows.__setitem__(slice(None), stranger),
            f"This is an export of feed {other}",
        )


def damaged_headers(chance: random.Random) -> Iterator[Broken]:
    """A byte of the header that is no letter: it costs its column, or the file."""
    strays = ((b"\xff", "udcff"), (b"\0", "x00"), (b"\x1b", "x1b"), (b"\xc1", "udcc1"))
    for byte, shown in strays:
        for packed in (False, True):
            feed = chance.choice(["cases", "supplements", "petitions", "procedures"])
            count = chance.randrange(20, 40)
            columns = FEEDS[feed].columns
            header, rest = text(sound(chance, feed, count)).encode().split(b"\n", 1)
            names = header.split(b",")

            def written(
                place: int,
                names: list[bytes] = names,
                byte: bytes = byte,
                rest: bytes = rest,
                packed: bool = packed,
            ) -> bytes:
                at = chance.randrange(1, len(names[place]))
                spoiled = names[place][:at] + byte + names[place][at:]
                line = b",".join([*names[:place], spoiled, *names[place + 1 :]])
                content = line + b"\n" + rest
                return gzip.compress(content) if packed else content

            form = "csv.gz" if packed else "csv"
            optional = chance.choice([n for n, c in enumerate(columns) if not c.required])
            needed = chance.choice([n for n, c in enumerate(columns) if c.required])
            yield Broken(f"{byte!r} in an optional name", feed, written(optional), form,
                         records=count, warning=shown)  # fmt: skip
            yield Broken(f"{byte!r} in a required name", feed, written(needed), form, QUARANTINED,
                         reason=f"column missing: {columns[needed].name}")  # fmt: skip
        more = b",M\xe0u" + byte
        lines = text(sound(chance, "steps", 9)).encode().splitlines()
        content = b"\n".join([lines[0] + more, *(line + b",x" for line in lines[1:])])
        yield Broken(f"{byte!r} in a further name", "steps", content, records=9, warning=shown)
    rows = text(sound(chance, "ratings", 6))
    photograph = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + chance.randbytes(3000)
    others = (
        ("a photograph", photograph, "a photograph"),
        ("noise", b"\x93" + bytes(chance.choices(range(1, 256), k=4000)), ""),
        ("UTF-32, little end first", b"\xff\xfe\0\0" + rows.encode("utf-32-le"), "UTF-32"),
        ("UTF-32, big end first", b"\0\0\xfe\xff" + rows.encode("utf-32-be"), "UTF-32"),
    )
    for what, content, reason in others:
        yield Broken(what, "ratings", content, state=QUARANTINED, reason=reason)


def extreme_times(chance: random.Random) -> Iterator[Broken]:
    """Moments at the ends of the calendar, which no clock can carry to local time."""
    for form, write in WRITINGS.values():
        for value, is_bad in _EXTREMES:
            count = chance.randrange(25, 50)
            rows = sound(chance, "cases", count)
            record = chance.randrange(1, count + 1)
            column = chance.choice(("NgayTra", "NgayHenTra"))
            rows[record][rows[0].index(column)] = value
            broken = Broken(f"{value}, {form}", "cases", write(rows), form, records=count)
            if is_bad:
                broken.rejects = {record: (column, "is not a time that exists")}
            yield judged(broken)


_EXTREMES = (
    ("0001-01-01T00:00:00+07:00", True),
    ("00010101T000000+1400", True),
    ("9999-12-31T23:59:59.9999999Z", True),
    ("99991231T235959,5Z", True),
    ("9999-W52-5T23:59:59Z", True),
    ("9999-12-31T23:59:59", False),
)


def cut_files(chance: random.Random) -> Iterator[Broken]:
    """Text that ends too early: in the header, between records, or within a record."""
    for feed in ("cases", "steps", *RARE_FEEDS):
        count = chance.randrange(30, 70)
        rows = sound(chance, feed, count)
        lines = text(rows).encode().splitlines(keepends=True)
        kept = chance.randrange(1, count)
        yield Broken("cut between records", feed, b"".join(lines[: kept + 1]), records=kept)
        in_record = lines[kept + 1].rstrip()
        column = FEEDS[feed].columns[-1]
        # The last field is left out; so a separator is missing.
        part = in_record[: chance.randrange(1, in_record.rindex(b","))]
        broken = Broken("cut in a record", feed, b"".join(lines[: kept + 1]) + part)
        broken.records = kept + 1
        broken.rejects = {kept + 1: (None, "fields where the header has")}
        yield judged(broken)
        if column.kind == "time":
            last = in_record.rindex(b",") + 1
            part = in_record[: chance.choice((last, last + 3, last + 6, last + 11))]
            broken = Broken("cut in a time", feed, b"".join(lines[: kept + 1]) + part)
            broken.records = kept + 1
            reason = "is empty" if part.endswith(b",") else "is not a time"
            broken.rejects = {kept + 1: (column.name, reason)}
            yield judged(broken)
        needed = [column.name for column in FEEDS[feed].columns if column.required][-1]
        yield Broken(
            "cut in the header",
            feed,
            lines[0][: chance.randrange(1, lines[0].index(needed.encode()) + len(needed))],
            state=QUARANTINED,
            reason="Required column missing",
        )


def flipped_bytes(chance: random.Random) -> Iterator[Broken]:
    """One byte changed: in a text it stays unseen, in a time it costs the record."""
    for _ in range(3):
        count = chance.randrange(25, 60)
        rows = sound(chance, "cases", count)
        record = chance.randrange(1, count + 1)
        place = rows[0].index("NgayTiepNhan")
        value = rows[record][place]
        at = chance.randrange(len(value))
        rows[record][place] = value[:at] + chance.choice("xO~/") + value[at + 1 :]
        broken = Broken("a digit flipped", "cases", text(rows).encode(), records=count)
        broken.rejects = {record: ("NgayTiepNhan", "is not a time")}
        yield judged(broken)
        content = bytearray(gzip.compress(text(rows).encode()))
        content[chance.randrange(len(content) // 2, len(content) - 8)] ^= 1 << chance.randrange(8)
        yield Broken(
            "a bit of an archive flipped",
            "cases",
            bytes(content),
            "csv.gz",
            QUARANTINED,
            reason="cut off or damaged",
        )


def empty_files(chance: random.Random) -> Iterator[Broken]:
    """Files without records: only a header is right, nothing at all is not."""
    for feed in chance.sample(list(FEEDS), 2):
        header = text(sound(chance, feed, 0)).encode()
        for what, content in (
            ("nothing", b""),
            ("a BOM", b"\xef\xbb\xbf"),
            ("blank lines", b"\r\n\n\n"),
        ):
            yield Broken(what, feed, content, state=QUARANTINED, reason="The file is empty")
        yield Broken("a header", feed, header)
        yield Broken("a header without an end", feed, header.rstrip())
        yield Broken(
            "a header, quoted", feed, text(sound(chance, feed, 0), quote_all=True).encode()
        )
        yield Broken("a header in a sheet", feed, workbook(sound(chance, feed, 0)), "xlsx")
        yield Broken("an empty archive", feed, gzip.compress(b""), "csv.gz", QUARANTINED,
                     reason="The file is empty")  # fmt: skip
        yield Broken("an empty sheet", feed, workbook([]), "xlsx", QUARANTINED,
                     reason="The first row of the first sheet is empty")  # fmt: skip


def other_kinds(chance: random.Random) -> Iterator[Broken]:
    """Files that are not what their name says."""
    rows = sound(chance, "ratings", 5)
    plain = text(rows).encode()

    def refused(what: str, content: bytes, form: str, reason: str) -> Broken:
        return Broken(what, "ratings", content, form, QUARANTINED, reason=reason)

    yield refused("workbook as csv", workbook(rows), "csv", "but an Excel workbook")
    yield refused("archive as csv", gzip.compress(plain), "csv", "but a gzip archive")
    yield refused("web page", b"<html><body>500</body></html>", "csv", "but a web page")
    yield refused("PDF", b"%PDF-1.7\n" + chance.randbytes(500), "csv", "but a PDF document")
    yield refused("JSON", b'{"error": "down"}', "csv", "but JSON")
    yield refused("old Excel", b"\xd0\xcf\x11\xe0" + bytes(600), "csv", "an old Excel")
    yield refused("csv as archive", plain, "csv.gz", "cut off or damaged")
    yield refused("csv as workbook", plain, "xlsx", "not an xlsx workbook")
    yield refused("old Excel as xlsx", b"\xd0\xcf\x11\xe0" + bytes(600), "xlsx", "password")
    yield refused("UTF-16 without a BOM", text(rows).encode("utf-16-le"), "csv", "UTF-16 without")
    yield refused("noise", bytes(2000), "csv", "not text")
    yield refused("a header without end", b"x," * 40000, "csv", "header does not end")
    yield refused("one million columns", b"a," * 1_000_000 + b"\n", "csv", "header does not end")


def damaged_archives(chance: random.Random) -> Iterator[Broken]:
    """gzip: cut off, with rubbish behind, in several members, doubly packed."""
    count = chance.randrange(300, 600)
    rows = sound(chance, "petitions", count)
    plain = text(rows).encode()
    packed = gzip.compress(plain)
    damaged = "cut off or damaged"
    for cut in (10, len(packed) // 2, len(packed) - 4):
        yield Broken(
            "archive cut", "petitions", packed[:cut], "csv.gz", QUARANTINED, reason=damaged
        )
    yield Broken("rubbish behind", "petitions", packed + b"rubbish", "csv.gz", QUARANTINED,
                 reason=damaged)  # fmt: skip
    yield Broken("zeros behind", "petitions", packed + bytes(512), "csv.gz", records=count)
    half = chance.randrange(len(plain))
    several = gzip.compress(plain[:half]) + gzip.compress(b"") + gzip.compress(plain[half:])
    yield Broken("several members", "petitions", several, "csv.gz", records=count)
    yield Broken("packed twice", "petitions", gzip.compress(packed), "csv.gz", QUARANTINED,
                 reason="but a gzip archive")  # fmt: skip


def damaged_workbooks(chance: random.Random) -> Iterator[Broken]:
    """xlsx: parts missing, cut, doubled by an entity; macros and links; cut as a whole."""
    content = workbook(sound(chance, "cases", chance.randrange(20, 60)))
    sheet, links = "xl/worksheets/sheet1.xml", "xl/externalLinks/externalLink1.xml"
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'

    def refused(what: str, content: bytes, reason: str) -> Broken:
        return Broken(what, "cases", content, "xlsx", QUARANTINED, reason=reason)

    def without(part: str) -> bytes:
        return rezipped(content, lambda name, data: None if name == part else data)

    def changed(part: str, change: Callable[[bytes], bytes]) -> bytes:
        return rezipped(content, lambda name, data: change(data) if name == part else data)

    yield refused("no workbook", without("xl/workbook.xml"), "without a workbook")
    yield refused("no sheet", without(sheet), "The workbook cannot be")
    yield refused("no relations", without("xl/_rels/workbook.xml.rels"), "The workbook cannot be")
    yield refused("cut sheet", changed(sheet, lambda data: data[: len(data) // 2]), "The workbook")
    yield refused("entities", changed(sheet, lambda data: data.replace(b"<w", bomb + b"<w", 1)),
                  "defines XML entities")  # fmt: skip
    yield refused("macros", with_part(content, "xl/vbaProject.bin", b"\0" * 900), "has macros")
    yield refused("links", with_part(content, links, b"<externalLink/>"), "links to other")
    yield refused("cut", content[: chance.randrange(100, len(content) - 100)], "not an xlsx")
    at = content.index(sheet.encode()) + len(sheet) + chance.randrange(20, 300)
    flipped = content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]
    yield refused("bytes flipped", flipped, "The workbook")


def strangers(chance: random.Random) -> Iterator[Broken]:
    """What is no export file stays where it is; the name is told, unless somebody still writes."""
    day = f"2020-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}"
    good = text(sound(chance, "cases", 3)).encode()

    def ignored(name: str, warning: str = "", content: bytes | None = good) -> Broken:
        return Broken(name, "cases", content, state=IGNORED, warning=warning, name=name)

    yield ignored(f"cases_{day}.csv.tmp", "waits, as its name ends with .tmp")
    yield ignored(f"cases_{day}.csv.part", "waits, as its name ends with .part")
    yield ignored(f".cases_{day}.csv", "Hidden files")
    yield ignored(f".Trash-{chance.randrange(1000)}/cases_{day}.csv", "Hidden files")
    for wrong in ("R2", "rev2", "K02_R2", "K02_Rev3", "REVISION-2", "K02_r0"):
        yield ignored(f"cases_{day}_{wrong}.csv", "looks like a revision")
    yield ignored(f"cases_{day}.xls", "not loaded, as its name is not")
    yield ignored(f"cases_{day}_r0.csv.zip", "not loaded, as its name is not")
    yield ignored(f"case_{day}.csv", "not loaded, as its name is not")
    yield ignored(
        f"cases_2019-02-{chance.choice((29, 30, 31))}.csv", "is not a day of the calendar"
    )
    for held in ("9999-12-31", "2999-01-02", "1019-03-04", "1900-01-01", "0219-03-04"):
        yield ignored(f"cases_{held}.csv", "held, as its business date lies")
    yield ignored(f"ratings_{day}.csv", "does not lie in folder ratings/")
    yield ignored(f"cases_{day}_K{chance.randrange(100)}.csv", content=None)


def rezipped(archive: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """A zip archive with each part changed, or left out where the change gives None."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            data = change(name, old.read(name))
            if data is not None:
                new.writestr(name, data)
    return target.getvalue()


def with_part(archive: bytes, name: str, data: bytes) -> bytes:
    """A zip archive with one part more."""
    target = io.BytesIO(archive)
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as book:
        book.writestr(name, data)
    return target.getvalue()


MUTATIONS = (
    bad_values,
    bad_lines,
    bad_headers,
    damaged_headers,
    extreme_times,
    cut_files,
    flipped_bytes,
    empty_files,
    other_kinds,
    damaged_archives,
    damaged_workbooks,
    strangers,
)
