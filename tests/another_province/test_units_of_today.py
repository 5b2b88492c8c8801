"""Units merge and are renamed after a period is published: its tables on the units of today.

The figures are counted straight from the list of made-up cases, with the merged units in mind.
"""

from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import psycopg
import pytest

from commands import done
from motcua.landing import reference
from motcua.publication.today import recompute_on_units_of_today
from motcua.warehouse import database

from .test_another_province import (
    PERIOD,
    expected,
    made_up_cases,
    write_exports,
    write_pack,
)

COLUMNS = (
    *("carried_over", "newly_received", "settled_early", "settled_on_time", "settled_late"),
    *("in_progress_in_time", "in_progress_overdue", "returned", "received_online"),
)
HEADER = "unit_code,display_order,name_vi,name_en,valid_from,valid_to,successor_code"
FAR = "2999-12-31"

PACKS: dict[str, tuple[list[str], dict[str, tuple[str, str]]]] = {
    # A merges with B into the new C, which is renamed to D; the third has a new name only.
    "merged into a new one, then renamed": (
        [
            "K01,1,Sở Một,,2018-01-01,2019-07-31,C",
            "K02,2,Sở Hai,,2018-01-01,2019-07-31,C",
            "C,3,Sở Gộp,,2019-08-01,2020-12-31,D",
            "D,4,Sở Gộp mới,,2021-01-01,,",
            "K03,5,Sở Ba đổi tên,,2018-01-01,,",
        ],
        {"K01": ("D", "Sở Gộp mới"), "K02": ("D", "Sở Gộp mới"), "K03": ("K03", "Sở Ba đổi tên")},
    ),
    # The second closes without successor; the succession of the first by the third is past, that
    # of the third is yet to come.
    "merged into one that was there": (
        [
            "K01,3,Sở Một,,2018-01-01,2019-07-31,K03",
            "K02,2,Sở Hai,,2018-01-01,2019-07-31,",
            f"K03,1,Sở Ba,,2018-01-01,{FAR},E",
            "E,4,Sở Sau này,,3000-01-01,,",
        ],
        {"K01": ("K03", "Sở Ba"), "K02": ("K02", "Sở Hai"), "K03": ("K03", "Sở Ba")},
    ),
    # The old code is gone from the units: it is an alias of the new one.
    "renamed by an alias": (
        [
            "N1,1,Sở Một mới,,2018-01-01,,",
            "K02,2,Sở Hai,,2018-01-01,,",
            "K03,3,Sở Ba,,2018-01-01,,",
        ],
        {"K01": ("N1", "Sở Một mới"), "K02": ("K02", "Sở Hai"), "K03": ("K03", "Sở Ba")},
    ),
}


def change_units(folder: Path, units: list[str]) -> None:
    (folder / "units.csv").write_text("\n".join([HEADER, *units]) + "\n", encoding="utf-8")
    aliases = ["alias,unit_code", "So Hai (cu),K02"]
    if any(line.startswith("N1,") for line in units):
        aliases.append("K01,N1")
    (folder / "unit_aliases.csv").write_text("\n".join(aliases) + "\n", encoding="utf-8")


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        connection.execute("set role bi_reader")
        return connection.execute(query).fetchall()


def of_build(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [
            sha256
            for (sha256,) in connection.execute(
                "select reference_sha256 from reference.builds order by build_number"
            )
        ]


def note_build(url: str, pack: Path) -> None:
    """As the last model of a build does; to build three times over would tell nothing more."""
    sha256, _ = reference.store(pack)
    with database.connect(database.TRANSFORMER) as connection:
        connection.execute("insert into reference.builds (reference_sha256) values (%s)", [sha256])


def test_tables_on_the_units_of_today(
    empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = made_up_cases()
    pack = tmp_path / "pack"
    write_pack(pack)
    write_exports(tmp_path / "landing", cases)
    monkeypatch.setenv("MOTCUA_REFERENCE", str(pack))
    then = (pack / "units.csv").read_text().splitlines()[1:]
    for command in (["ingest"], ["build"], ["publish", PERIOD, "--approved-by", "A"]):
        done(*command)
    publication_id = f"{PERIOD}.r1"
    figures = expected(cases)
    names = {"K01": "Sở Một", "K02": "Sở Hai", "K03": "Sở Ba"}

    same = "unit_code, unit_name, display_order, settled_total, total"
    assert set(rows(empty_database, f"select {same} from published.today_appendix_1")) == set(
        rows(empty_database, f"select {same} from published.appendix_1")
    ), "as long as no unit has changed, the units of today are those of then"

    change_units(pack, PACKS["merged into a new one, then renamed"][0])
    done("build")
    builds = of_build(empty_database)
    assert len(builds) == 2
    assert builds[-1] == reference.sha256(pack)

    for units, today in [*PACKS.values(), (then, {unit: (unit, names[unit]) for unit in names})]:
        change_units(pack, units)
        assert reference.check(pack) == []
        note_build(empty_database, pack)
        merged: dict[str, Counter[str]] = {}
        for unit, counts in figures.items():
            merged.setdefault(today[unit][0], Counter()).update(counts)
        _assert_views(empty_database, merged, dict(today.values()))

    # Pack A, other packs, A again: the newest stored pack is not the one of now.
    newest = rows_of_admin(
        empty_database,
        "select reference_sha256 from reference.packs order by stored_at desc limit 1",
    )
    assert newest != [(of_build(empty_database)[-1],)]
    assert of_build(empty_database)[-1] == builds[0]

    change_units(pack, PACKS["merged into a new one, then renamed"][0])
    note_build(empty_database, pack)
    _assert_recomputation(empty_database, publication_id, tmp_path)


def _assert_views(url: str, merged: dict[str, Counter[str]], names: dict[str, str]) -> None:
    columns = ", ".join(COLUMNS)
    found = rows(url, f"select unit_code, unit_name, {columns} from published.today_appendix_1")
    assert {row[0]: dict(zip(COLUMNS, row[2:], strict=True)) for row in found} == {
        unit: {column: counts[column] for column in COLUMNS} for unit, counts in merged.items()
    }
    assert {row[0]: row[1] for row in found} == names
    cards = rows(
        url,
        "select unit_code, received, settled, indicator_1, indicator_7"
        " from published.today_scorecard",
    )
    ratings = rows(url, "select unit_code, total, settled_total from published.today_appendix_2")
    for unit, received, settled, indicator_1, indicator_7 in cards:
        counts = merged[str(unit)]
        number = sum(counts[f"settled_{kind}"] for kind in ("early", "on_time", "late"))
        points = 2 * counts["settled_early"] + counts["settled_on_time"]
        mean = (Decimal(points) / number).quantize(Decimal("0.1"), ROUND_HALF_UP)
        assert (received, settled) == (counts["newly_received"], number)
        assert indicator_1 == indicator_7 == mean
        assert (unit, number) in [(code, settled_total) for code, _, settled_total in ratings]
    assert sum(int(str(total)) for _, total, _ in ratings) == 3
    assert len(cards) == len(ratings) == len(merged)


def _assert_recomputation(url: str, publication_id: str, tmp_path: Path) -> None:
    """The complete scorecard agrees with the views where they say something."""
    before = rows_of_admin(url, "select count(*) from published.scorecard")
    found = recompute_on_units_of_today(publication_id)
    assert [row["unit_code"] for row in found["scorecard"]] == ["D", "K03"]
    for table in ("appendix_1", "appendix_2", "appendix_4", "scorecard"):
        with psycopg.connect(url) as connection:
            cursor = connection.execute(f"select * from published.today_{table}")
            assert cursor.description is not None
            names = [column.name for column in cursor.description]
            views = {row[names.index("unit_code")]: row for row in cursor}
        for row in found[table]:
            view = dict(zip(names, views[row["unit_code"]], strict=True))
            for name in row.keys() & view.keys():
                assert row[name] == view[name], (table, row["unit_code"], name)
    assert {row["unit_code"] for row in found["late_cases"]} == {"D", "K03"}
    assert rows_of_admin(url, "select count(*) from published.scorecard") == before
    assert not rows_of_admin(
        url, "select nspname from pg_namespace where nspname like 'recompute%'"
    )

    said = done("recompute", publication_id, "--units", "today")
    assert "Sở Gộp mới" in said
    assert "TÍNH LẠI THEO ĐƠN VỊ HIỆN NAY" in said
    assert (tmp_path / "publications" / f"{publication_id}.units-today.xlsx").is_file()


def rows_of_admin(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()
