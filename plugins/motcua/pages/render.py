"""The pages as HTML: what is read becomes tables and words in the reader's language."""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from motcua import settings
from motcua.documents import companions, formats, layouts, tables
from motcua.documents.layouts import Column, Heading, Layout
from motcua.documents.tables import Table
from motcua.landing import rejects
from motcua.pages import facts, words
from motcua.quality import gate_results
from motcua.quality.completeness import LATE, MISSING, QUARANTINED, Day
from motcua.warehouse.database import Connection

DAYS = 21
"""Days that the page of data shows."""

REASONS_SHOWN = 50
GATES_SHOWN = 50

_SWAP = str.maketrans(",.", ".,")
_COUNTS = ("files", "records", "rejected", "quarantined")
_DAY_WORDS = {"quarantined": "quarantined_only", "due": "day_due"}

_SCORECARD = replace(
    layouts.APPENDIX_3,
    headings=(
        *layouts.APPENDIX_3.headings,
        Heading("Xếp loại", 0, 2, 16, 16),
        Heading("Hạng", 0, 2, 17, 17),
    ),
    columns=(*layouts.APPENDIX_3.columns, Column("band", "note"), Column("rank")),
)


@dataclass(frozen=True)
class Reader:
    """Who reads: the language, and the address under which the pages stand."""

    lang: str
    base: str

    def at(self, path: str) -> str:
        """Address of a page, in the reader's language."""
        return f"{self.base}/{path}" + ("" if self.lang == words.DEFAULT else f"?lang={self.lang}")


def reader(lang: str | None, base: str) -> Reader:
    """A reader of a known language; Vietnamese unless another one is asked for."""
    return Reader(lang if lang in words.LANGUAGES else words.DEFAULT, base.rstrip("/"))


@cache
def style() -> str:
    """The stylesheet that stands in every page."""
    return files("motcua.pages").joinpath("templates/style.css").read_text(encoding="utf-8")


@cache
def content_security_policy() -> str:
    """Nothing but our own stylesheet; shown inside Airflow's UI alone."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'self'"
    )


def publications(who: Reader, today: date) -> str:
    """Every reporting period with its state and its releases. Raises Failed like all of these."""
    with facts.reading() as connection:
        found = facts.periods(connection, today)
    return _page(who, "publications.html", "publications", "publications", periods=found)


def publication(who: Reader, publication_id: str) -> str | None:
    """One release with all that stands behind it; None when there is no such release."""
    with facts.reading() as connection:
        release = facts.publication(connection, publication_id)
        if release is None:
            return None
        printed = tables.release_of(connection, publication_id)
        found: dict[str, Any] = {
            "release": release,
            "labels": facts.labels(connection, release),
            "tables": [
                _in_words(who, table, _units(who, connection, release))
                for table in [
                    tables.of_layout(connection, "III", printed, _SCORECARD),
                    tables.of_layout(connection, "I", printed, layouts.APPENDIX_1),
                    tables.of_layout(connection, "II", printed, layouts.APPENDIX_2),
                    tables.of_layout(connection, "IV", printed, layouts.APPENDIX_4),
                ]
            ],
            "inputs": facts.inputs(connection, publication_id),
            "waivers": facts.waivers(connection, publication_id),
            "gaps": printed.gaps,
            "quarters": (
                [] if printed.kind == "quarter" else tables.quarters_inside(connection, printed)
            ),
            "revisions": facts.revisions(connection, publication_id),
        }
        found["checks"], found["numbers"] = facts.checks(connection, publication_id)
    return _page(
        who,
        "publication.html",
        "publications",
        f"publications/{publication_id}",
        documents=documents(publication_id),
        **found,
    )


def companion_figures(who: Reader, publication_id: str) -> str | None:
    """The companions of a release; None when there is no such release."""
    with facts.reading() as connection:
        release = facts.publication(connection, publication_id)
        if release is None:
            return None
        printed = companions.read(connection, tables.release_of(connection, publication_id))
        units = _units(who, connection, release)
    return _page(
        who,
        "companions.html",
        "publications",
        f"publications/{publication_id}/companions",
        release=release,
        tables=[_in_words(who, table, units) for table in printed],
    )


def data(who: Reader, at: datetime) -> str:
    """Feeds and days: what has come, what is missing, late, quarantined or rejected.

    at: local time of the Centre that deadlines are compared with.
    """
    with facts.reading() as connection:
        newest = facts.newest_day(connection)
        first, last = facts.window(newest, at.date(), DAYS)
        days = facts.days(connection, first, last, at)
        feeds = facts.feeds(connection)
        reasons = rejects.reasons(connection, first=first, last=last)
        quarantine = facts.files_not_taken(connection, first, last)
    told = {(day.feed, day.day): day for day in days}
    return _page(
        who,
        "data.html",
        "data",
        "data",
        newest=newest,
        first=first,
        last=last,
        is_archive=last < at.date(),
        feeds=[(feed, _summed(day for day in days if day.feed == feed["feed"])) for feed in feeds],
        days=[
            (day, [told.get((feed["feed"], day)) for feed in feeds])
            for day in (last - timedelta(days=back) for back in range(DAYS))
        ],
        reasons=[reason for reason in reasons if reason.records],
        reasons_shown=REASONS_SHOWN,
        quarantine=quarantine,
    )


def _summed(days: Iterable[Day]) -> dict[str, Any]:
    """Sums of a feed over some days, and which of them are missing or late."""
    feed: dict[str, Any] = {"missing": [], "late": []}
    feed |= dict.fromkeys(_COUNTS, 0)
    for day in days:
        for name in _COUNTS:
            feed[name] += getattr(day, name)
        if day.is_expected and day.state in (MISSING, QUARANTINED):
            feed["missing"].append(day.day)
        elif day.state == LATE:
            feed["late"].append(day.day)
    return feed


def models(who: Reader, invocation_id: str | None = None) -> str | None:
    """The last runs of dbt and the nodes of one, by default the newest; None when it is unknown."""
    with facts.reading() as connection:
        runs = facts.runs(connection)
        shown = invocation_id or (runs[0]["invocation_id"] if runs else None)
        run = next((run for run in runs if run["invocation_id"] == shown), None)
        if invocation_id and run is None:
            return None
        nodes = facts.nodes(connection, shown) if shown else []
    place = f"models/{invocation_id}" if invocation_id else "models"
    return _page(who, "models.html", "models", place, runs=runs, run=run, nodes=nodes)


def gates(who: Reader) -> str:
    """The last runs of the gates."""
    with facts.reading() as connection:
        runs = gate_results.runs(connection, GATES_SHOWN)
    return _page(who, "gates.html", "data", "gates", runs=runs)


def gate(who: Reader, gate_run_id: str) -> str | None:
    """What one run of a gate judged, rule by rule; None when there is no such run."""
    with facts.reading() as connection:
        checks = gate_results.checks(connection, gate_run_id)
    if not checks:
        return None
    place = f"gates/{gate_run_id}"
    return _page(who, "gate.html", "data", place, gate_run_id=gate_run_id, checks=checks)


def problem(who: Reader, kind: str) -> str:
    """A page that says what went wrong: not_found or unavailable."""
    return _page(who, "problem.html", "", "publications", kind=kind)


def documents(publication_id: str) -> list[Path]:
    """The documents of a release in the folder of publications, such as <id>.xlsx.

    `publication_id` is one that the warehouse knows, never a text from outside.
    """
    folder = settings.publications()
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.name.startswith(f"{publication_id}.") and path.is_file() and not path.is_symlink()
    )


def document(publication_id: str, name: str) -> Path | None:
    """A document to download; None unless the release is published and the folder holds it."""
    with facts.reading() as connection:
        release = facts.publication(connection, publication_id)
    if release is None:
        return None
    known = {path.name: path for path in documents(release["publication_id"])}
    return known.get(name)


def _units(who: Reader, connection: Connection, release: facts.Row) -> dict[str, str]:
    """What stands in rows, in the reader's language; empty for Vietnamese."""
    if who.lang == words.DEFAULT:
        return {}
    return words.ROWS | facts.english_units(connection, release["reference_sha256"])


def _in_words(who: Reader, table: Table, units: dict[str, str]) -> dict[str, Any]:
    """A printed table as the template takes it: heading rows, and rows of cells."""
    layout = table.layout
    return {
        "name": layout.table,
        "headings": _headings(who, layout),
        "rows": [
            {
                "kind": row.kind,
                "cells": [
                    {
                        "text": text,
                        "style": column.style,
                        "is_foreign": who.lang != words.DEFAULT and text == cell.value,
                    }
                    for cell, column in zip(row.cells, layout.columns, strict=True)
                    for text in [_cell_text(who, cell, units)]
                ],
            }
            for row in table.rows
        ],
    }


def _headings(who: Reader, layout: Layout) -> list[list[dict[str, Any]]]:
    return [
        [
            {
                "text": _heading_text(who, heading.text),
                "colspan": heading.last - heading.first + 1,
                "rowspan": heading.bottom - heading.top + 1,
            }
            for heading in sorted(layout.headings, key=lambda heading: heading.first)
            if heading.top == row
        ]
        for row in range(layout.heading_rows)
    ]


def _heading_text(who: Reader, text: str) -> str:
    return text if who.lang == words.DEFAULT else words.HEADINGS[text]


def _cell_text(who: Reader, cell: tables.Cell, units: dict[str, str]) -> str:
    if isinstance(cell.value, str):
        return units.get(cell.text) or (
            cell.text if who.lang == words.DEFAULT else words.HEADINGS.get(cell.text, cell.text)
        )
    return cell.text if who.lang == words.DEFAULT else cell.text.translate(_SWAP)


def _page(who: Reader, template: str, active: str, place: str, **values: Any) -> str:
    return (
        _environment()
        .get_template(template)
        .render(
            who=who,
            say=partial(words.say, who.lang),
            number=partial(_number, who),
            day=partial(_day, who),
            moment=partial(_moment, who),
            style=style(),
            languages=words.LANGUAGES,
            active=active,
            place=place,
            **values,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("motcua.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["words"] = words.WORDS
    environment.globals["day_words"] = _DAY_WORDS
    return environment


def _number(who: Reader, number: int | Decimal | None, digits: int = 0) -> str:
    if number is None:
        return formats.BLANK
    text = formats.fixed(Decimal(number), digits) if digits else formats.count(int(number))
    return text if who.lang == words.DEFAULT else text.translate(_SWAP)


def _day(who: Reader, day: date | None) -> str:
    if day is None:
        return formats.BLANK
    return formats.day(day) if who.lang == words.DEFAULT else day.isoformat()


def _moment(who: Reader, moment: datetime | None) -> str:
    if moment is None:
        return formats.BLANK
    return f"{_day(who, moment.date())} {moment.time().isoformat('minutes')}"
