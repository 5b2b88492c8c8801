"""The printed tables of a publication, read from schema published."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from psycopg import sql
from psycopg.rows import dict_row

from motcua.documents import formats, layouts
from motcua.documents.layouts import Column, Layout
from motcua.errors import Failed
from motcua.warehouse import database, withdrawals

Figures = dict[str, Any]
Value = int | Decimal | str | date | None

LETTERS = "abcd"
"""Quarters of a longer period are told apart as IIIa, IIIb and so on."""

UNITS_OF_TODAY = "(TÍNH LẠI THEO ĐƠN VỊ HIỆN NAY, KHÔNG PHẢI BẢNG ĐÃ CÔNG BỐ)"


@dataclass(frozen=True)
class Cell:
    """A figure or text, and how it is printed."""

    value: Value
    text: str


@dataclass(frozen=True)
class Row:
    """A printed row: of one unit, of the totals, or of their shares."""

    kind: Literal["unit", "total", "share"]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Release:
    """The release that a table is printed from, with its windows.

    gaps: what it lacks, and who accepts that. withdrawal: the notice for readers, when it was
    withdrawn.
    """

    publication_id: str
    period_code: str
    kind: str
    label: str
    cases_from: date
    cases_to: date
    ratings_from: date
    ratings_to: date
    processes_as_of: date
    known_as_of: date
    published_at: date
    approved_by: str
    gaps: tuple[str, ...]
    withdrawal: str | None


@dataclass(frozen=True)
class Table:
    """One appendix as printed; `name` is I, II, IIIa, IIIb or IV."""

    name: str
    release: Release
    layout: Layout
    titles: tuple[str, ...]
    subtitles: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """Which release the figures are from, and what it lacks."""
        release = self.release
        text = (
            f"Số liệu công bố {release.publication_id}, biết đến ngày"
            f" {formats.day(release.known_as_of)}; công bố ngày"
            f" {formats.day(release.published_at)}."
        )
        return (text, *release.gaps)


def of_publication(publication_id: str) -> list[Table]:
    """The tables that this publication prints, in the order of the report.

    A quarter prints appendix III; a longer period prints I, II, the III of the newest standing
    release of each quarter inside it, and IV. Raises Failed when there is no such publication.
    """
    with database.connect(database.PUBLISHER) as connection:
        connection.read_only = True
        release = release_of(connection, publication_id)
        if release.kind == "quarter":
            return [
                of_layout(
                    connection, _name_of_quarter(connection, release), release, layouts.APPENDIX_3
                )
            ]
        quarters = quarters_inside(connection, release)
        return [
            of_layout(connection, "I", release, layouts.APPENDIX_1),
            of_layout(connection, "II", release, layouts.APPENDIX_2),
            *(
                of_layout(connection, f"III{letter}", quarter, layouts.APPENDIX_3)
                for letter, quarter in zip(LETTERS, quarters, strict=False)
            ),
            of_layout(connection, "IV", release, layouts.APPENDIX_4),
        ]


def on_units_of_today(publication_id: str, figures: dict[str, list[Figures]]) -> list[Table]:
    """All four appendices of a release from figures on the units of today, marked as such.

    Raises Failed when there is no such publication.
    """
    with database.connect(database.PUBLISHER) as connection:
        connection.read_only = True
        release = release_of(connection, publication_id)
    appendices = {
        "I": layouts.APPENDIX_1,
        "II": layouts.APPENDIX_2,
        "III": layouts.APPENDIX_3,
        "IV": layouts.APPENDIX_4,
    }
    tables = [
        _laid_out(name, release, layout, figures[layout.table])
        for name, layout in appendices.items()
    ]
    return [replace(table, subtitles=(UNITS_OF_TODAY, *table.subtitles)) for table in tables]


def printed(publication_id: str) -> dict[str, list[list[str]]]:
    """Every table of the publication as printed texts, heading rows left out.

    Keys are I, II, IIIa, IIIb, IV; rows are the units in display order, then the row of totals
    and the row of shares where the report has them. Raises Failed like `of_publication`.
    """
    return {
        table.name: [[cell.text for cell in row.cells] for row in table.rows]
        for table in of_publication(publication_id)
    }


def release_of(connection: database.Connection, publication_id: str) -> Release:
    """The release; raises Failed when there is no such publication."""
    releases = _releases(
        connection, sql.SQL("publications where publication_id = %s"), [publication_id]
    )
    if not releases:
        raise Failed(
            f"There is no publication {publication_id}. `select publication_id from"
            " published.publications` lists them; `motcua publish` makes one."
        )
    return releases[0]


def that_print(publication_id: str) -> list[str]:
    """The publications whose documents print figures of this one; itself is the first."""
    with database.connect(database.PUBLISHER) as connection:
        release = release_of(connection, publication_id)
        longer = _releases(
            connection,
            sql.SQL("publications where kind <> 'quarter' and cases_from <= %s and cases_to >= %s"),
            [release.cases_from, release.cases_to],
        )
        return [
            publication_id,
            *(one.publication_id for one in longer if release in quarters_inside(connection, one)),
        ]


def quarters_inside(connection: database.Connection, release: Release) -> list[Release]:
    """The releases of the quarters inside that stood when the release was published."""
    return _releases(
        connection,
        sql.SQL(
            """publications where publication_id in (
                select distinct on (quarter.period_code) quarter.publication_id
                from published.publications as quarter
                inner join published.publications as whole
                    on quarter.cases_from >= whole.cases_from
                    and quarter.cases_to <= whole.cases_to
                    and quarter.published_at <= whole.published_at
                left join published.withdrawals as gone
                    on quarter.publication_id = gone.publication_id
                    and gone.withdrawn_at <= whole.published_at
                where quarter.kind = 'quarter' and whole.publication_id = %s
                    and gone.publication_id is null
                order by quarter.period_code, quarter.revision desc
            ) order by cases_from"""
        ),
        [release.publication_id],
    )


def _releases(connection: database.Connection, source: sql.SQL, values: list[Any]) -> list[Release]:
    """Releases with the label that the reference pack pinned by each gives to its period."""
    query = sql.SQL(
        "select publication_id, period_code, kind, reference_sha256, cases_from, cases_to,"
        " ratings_from, ratings_to, processes_as_of, known_as_of,"
        " cast(published_at as date) as published_at, approved_by from published."
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(query + source, values).fetchall()
        for row in found:
            label = cursor.execute(
                "select label_vi from reference.reporting_periods"
                " where reference_sha256 = %s and period_code = %s",
                [row.pop("reference_sha256"), row["period_code"]],
            ).fetchone()
            row["label"] = label["label_vi"] if label else row["period_code"]
            gaps = cursor.execute(
                "select explanation from published.checks where publication_id = %s"
                " and check_id in ('missing_days', 'thin_days') and not passed order by check_id",
                [row["publication_id"]],
            )
            row["gaps"] = tuple(found["explanation"] for found in gaps)
            withdrawn = withdrawals.of(connection, row["publication_id"])
            row["withdrawal"] = withdrawn and withdrawn.notice
    return [Release(**row) for row in found]


def _name_of_quarter(connection: database.Connection, release: Release) -> str:
    """IIIa for the first quarter of its half-year, IIIb for the second, by the pinned pack."""
    row = connection.execute(
        """
        with periods as (
            select
                period_code,
                kind,
                cast(cases_from as date) as cases_from,
                cast(cases_to as date) as cases_to
            from reference.reporting_periods
            where reference_sha256 = (
                select reference_sha256 from published.publications where publication_id = %s
            )
        )

        select count(*)
        from periods as half_year
        inner join periods as quarter
            on
                quarter.kind = 'quarter'
                and quarter.cases_from between half_year.cases_from and %s
        where
            half_year.kind = 'half_year'
            and %s between half_year.cases_from and half_year.cases_to
        """,
        [release.publication_id, release.cases_from, release.cases_from],
    ).fetchone()
    place = row[0] if row else 0
    return f"III{LETTERS[place - 1]}" if 0 < place <= len(LETTERS) else "III"


def of_layout(
    connection: database.Connection, name: str, release: Release, layout: Layout
) -> Table:
    """One appendix of a release, also one that its kind of period does not print."""
    keys = list(dict.fromkeys(column.key for column in layout.columns))
    query = sql.SQL("select {} from {} where publication_id = %s order by display_order").format(
        sql.SQL(", ").join(map(sql.Identifier, keys)), sql.Identifier("published", layout.table)
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        units = cursor.execute(query, [release.publication_id]).fetchall()
    return _laid_out(name, release, layout, units)


def _laid_out(name: str, release: Release, layout: Layout, units: list[Figures]) -> Table:
    return titled((f"PHỤ LỤC {name}",), name, release, layout, tuple(_rows(layout, units)))


def titled(
    first: tuple[str, ...], name: str, release: Release, layout: Layout, rows: tuple[Row, ...]
) -> Table:
    """A table with its titles filled in; the titles of `first` come before the layout's."""
    windows = {
        key: formats.day(getattr(release, key))
        for key in ("cases_from", "cases_to", "ratings_from", "ratings_to", "processes_as_of")
    }
    notices = [release.withdrawal] if release.withdrawal else []
    words = {"label": release.label, "year": str(release.cases_to.year), **windows}
    return Table(
        name=name,
        release=release,
        layout=layout,
        titles=(*first, *(_fill(text, words).upper() for text in layout.titles)),
        subtitles=(*notices, *(_fill(text, words) for text in layout.subtitles)),
        rows=rows,
    )


def _fill(text: str, words: dict[str, str]) -> str:
    return text.format(**words)


def _rows(layout: Layout, units: list[Figures]) -> Iterable[Row]:
    for unit in units:
        yield Row("unit", tuple(cell(unit[column.key], column) for column in layout.columns))
    if layout.has_totals:
        totals = total_of(layout, units)
        yield Row("total", tuple(_total_cell(column, totals) for column in layout.columns))
        yield Row("share", tuple(_share_cell(column, totals) for column in layout.columns))


def total_of(layout: Layout, units: list[Figures]) -> dict[str, int]:
    """Sum of every counted column over the units."""
    counted = [column.key for column in layout.columns if column.style == "count"]
    return {key: sum(unit[key] for unit in units) for key in counted}


def cell(value: Value, column: Column) -> Cell:
    """A figure as its column prints it; a missing one is blank, never zero."""
    if value is None:
        return Cell(None, formats.BLANK)
    if isinstance(value, str):
        return Cell(value, value)
    if isinstance(value, int):
        return Cell(value, formats.count(value))
    if isinstance(value, datetime):
        return Cell(value, formats.moment(value))
    if isinstance(value, date):
        return Cell(value, formats.day(value))
    if column.style == "percentage":
        return Cell(value, formats.percentage(value))
    return Cell(value, formats.fixed(value, max(1, _decimals(value))))


def _decimals(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _total_cell(column: Column, totals: dict[str, int]) -> Cell:
    if column.style == "name":
        return Cell(layouts.TOTAL_ROW, layouts.TOTAL_ROW)
    return cell(totals.get(column.key), column)


def _share_cell(column: Column, totals: dict[str, int]) -> Cell:
    """Share of the total in the total that the report divides it by, with two decimals."""
    if column.style == "name":
        return Cell(layouts.SHARE_ROW, layouts.SHARE_ROW)
    whole = totals.get(column.share_of)
    if not whole:
        return Cell(None, formats.BLANK)
    share = formats.half_up(Decimal(100 * totals[column.key]) / whole, 2)
    return Cell(share, formats.fixed(share, 2))
