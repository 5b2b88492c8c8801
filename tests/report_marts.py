"""Core and marts as they stand when the data give the report of 2019, without running dbt.

The figures come from sample/report/. What the report does not print (the appendices of the
quarters, evidence, case codes of the late) is filled in so that all relations hold.
"""

import csv
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import psycopg

from motcua import settings
from motcua.landing import reference
from motcua.publication import evidence, figures
from motcua.warehouse import database, dbt

REPORT = settings.PROJECT / "sample" / "report"
Row = dict[str, Any]

FORM_1, FORM_2 = (1, 2, 3, 4, 7), (5, 6, 8, 9)
SCORECARDS = {"2019-Q1": "appendix_3a_2019_q1", "2019-Q2": "appendix_3b_2019_q2"}
PERIODS = (*SCORECARDS, "2019-H1")


def rows_of(name: str) -> list[Row]:
    """The rows of a csv file of the report."""
    with (REPORT / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def unit_code(display_order: str) -> str:
    return f"000.00.{int(display_order):02d}.H51"


def build(url: str, data_until: str = "2019-07-11") -> None:
    """Make schema core and schema marts, with data up to a business date."""
    sha256, _ = reference.store(settings.reference())
    with psycopg.connect(url) as connection:
        # One pinned file stands for all; which days a release needs is tested elsewhere.
        connection.execute("update reference.feeds set expected = 'on_change'")
        connection.execute("set role motcua_transformer")
        connection.execute("set time zone 'Asia/Ho_Chi_Minh'")
        _make_core(connection, sha256, data_until)
        _make_marts(connection)
        for period in PERIODS:
            fill(connection, period)


def receive_one_more(url: str, period: str = "2019-Q1") -> None:
    """One more case of unit 1, in progress, as a build may bring it: the relations still hold."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "update marts.appendix_1 set total = total + 1, newly_received = newly_received + 1,"
            " in_progress_total = in_progress_total + 1,"
            " in_progress_in_time = in_progress_in_time + 1"
            f" where period_code = '{period}' and display_order = 1;"
            " update marts.scorecard set received = received + 1"
            f" where period_code = '{period}' and display_order = 1"
        )


def fill(connection: psycopg.Connection, period: str) -> None:
    """Fill the marts with the figures of one period."""
    appendix_1 = list(_appendix_1(period))
    tables: dict[str, Iterable[Row]] = {
        "appendix_1": appendix_1,
        "appendix_2": _appendix_2(appendix_1),
        "appendix_4": _appendix_4(),
        "scorecard": _scorecard(period, appendix_1),
        "late_cases": _late_cases(period, appendix_1),
    }
    tables["indicator_evidence"] = _evidence(list(tables["scorecard"]), appendix_1)
    tables["scorecard"] = _scorecard(period, appendix_1)
    for unit in appendix_1:
        if unit["counted_externally"]:
            connection.execute(
                "insert into intermediate.int_period_external_counts (period_code, system_code,"
                " unit_code, carried_over, newly_received, settled_early, settled_on_time,"
                " settled_late, in_progress_in_time, in_progress_overdue, returned,"
                " received_online, row_id) values (%s, 'X', %s, %s, 0, 0, 0, 0, %s, 0, 0, 0, 1)",
                [period, unit["unit_code"], *[unit["counted_externally"]] * 2],
            )
    for table, rows in tables.items():
        for row in rows:
            _insert(connection, table, {"period_code": period, **row})
    _insert(
        connection,
        "release_inputs",
        {
            "period_code": period,
            "feed": "cases",
            "file_name": "cases_2019-01-02.csv",
            "business_date": "2019-01-02",
            "part": "",
            "revision": 1,
            "sha256": "ab" * 32,
            "records": 3,
        },
    )


def _insert(connection: psycopg.Connection, table: str, row: Row) -> None:
    names = ", ".join(row)
    places = ", ".join(["%s"] * len(row))
    connection.execute(f"insert into marts.{table} ({names}) values ({places})", [*row.values()])


def _make_core(connection: psycopg.Connection, sha256: str, data_until: str) -> None:
    connection.execute(
        "create table core.dim_periods as select period_code, kind, label_vi,"
        " cast(cases_from as date) as cases_from, cast(cases_to as date) as cases_to,"
        " cast(ratings_from as date) as ratings_from, cast(ratings_to as date) as ratings_to,"
        " cast(processes_as_of as date) as processes_as_of,"
        " cast(known_as_of as date) as known_as_of, cast(publish_on as date) as publish_on,"
        " rule_set, reference_sha256 from reference.reporting_periods"
    )
    connection.execute(
        "create table core.dim_units as select unit_code,"
        " cast(display_order as integer) as display_order, name_vi as unit_name,"
        " cast(valid_from as date) as valid_from, cast(valid_to as date) as valid_to"
        " from reference.units"
    )
    connection.execute(
        "create table core.dim_dates as"
        " with days as (select cast(d as date) as day from generate_series("
        "     timestamp '2018-01-01', timestamp '2020-12-31', interval '1 day') as d),"
        " marked as (select day, coalesce(c.is_working_day = 'true',"
        "     extract(isodow from day) < 6) as is_working_day"
        "     from days left join reference.calendar as c on c.date = cast(day as text))"
        " select *, cast(count(*) filter (where is_working_day) over (order by day) as integer)"
        " as working_day_number from marked"
    )
    connection.execute(
        "create table core.fct_cases (case_code text, procedure_code text, unit_code text,"
        " due_at timestamp, finished_at timestamp, status_code integer, is_cancelled boolean)"
    )
    connection.execute(
        "create table core.fct_supplements (supplement_code text, case_code text,"
        " requested_at timestamp, due_after_at timestamp, valid_to date)"
    )
    connection.execute(
        "create table core.files_applied (file_id integer, feed text, business_date date,"
        " reference_sha256 text, project_sha256 text)"
    )
    connection.execute(
        "insert into core.files_applied values (1, 'cases', '2019-01-02', %s, %s)",
        [sha256, dbt.project_sha256()],
    )
    with database.connect(database.LOADER) as loader:
        load_file(loader, 1, "2019-01-02")
    connection.execute(
        "create table marts.periods as select *, cast(%s as date) as data_until,"
        " least(known_as_of, %s) as as_of from core.dim_periods where cases_from <= %s",
        [data_until] * 3,
    )


def load_file(
    loader: psycopg.Connection, file_id: int, business_date: str, loaded_at: str = "now"
) -> None:
    """Put one loaded file of cases into the manifest."""
    loader.execute(
        "insert into raw.files (file_id, feed, uri, file_name, business_date, sha256, bytes,"
        " records, loaded, rejected, state, read_by, loaded_at)"
        " values (%s, 'cases', 'landing', %s, %s, %s, 1, 3, 3, 0, 'loaded', 'stream', %s)",
        [file_id, f"cases_{business_date}.csv", business_date, f"{file_id:064d}", loaded_at],
    )


def _make_marts(connection: psycopg.Connection) -> None:
    for table in figures.KEYS:
        connection.execute(
            f"create table marts.{table} as select * from published.{table} with no data"
        )
        connection.execute(
            f"alter table marts.{table} drop column publication_id, drop column revision"
        )
    connection.execute(
        "create table marts.release_inputs as"
        " select cast('' as text) as period_code, r.* from published.release_inputs as r"
        " with no data"
    )
    connection.execute("alter table marts.release_inputs drop column publication_id")
    connection.execute(
        "create table core.fct_case_versions (case_code text, unit_code text, status_code integer,"
        " is_cancelled boolean, received_at timestamp, finished_at timestamp,"
        " handed_over_at timestamp, row_id bigint, valid_from date, valid_to date)"
    )
    connection.execute(
        "create table core.fct_external_counts (unit_code text, counted_from date,"
        " counted_to date, carried_over integer, in_progress_in_time integer,"
        " in_progress_overdue integer, valid_from date, valid_to date)"
    )
    _make_history(connection)
    # What the figures count: the shape is that of the evidence of a release, the rows are not made.
    for table in evidence.TABLES:
        connection.execute(
            f"create table intermediate.int_period_{table} as"
            f" select ''::text as period_code, rows.* from evidence.{table} as rows where false"
        )


def _make_history(connection: psycopg.Connection) -> None:
    """What was open on the eve of the half-year, told after the quarters were known."""
    for row in _appendix_1("2019-H1"):
        external = row["counted_externally"]
        connection.execute(
            "insert into core.fct_case_versions select %s || '-181203-' || number, %s, 4, false,"
            " timestamp '2018-12-03', null, null, number, date '2019-06-21', null"
            " from generate_series(1, %s) as number",
            [row["unit_code"], row["unit_code"], row["carried_over"] - external],
        )
        if external:
            connection.execute(
                "insert into core.fct_external_counts values (%s, '2019-01-01', '2019-06-15', %s,"
                " %s, 0, '2019-06-21', null)",
                [row["unit_code"], external, external],
            )


def _unit(row: Row) -> Row:
    order = row["display_order"]
    names = {unit["display_order"]: unit["unit_name"] for unit in rows_of("appendix_1")}
    return {
        "unit_code": unit_code(order),
        "unit_name": names[order],
        "display_order": int(order),
    }


def _appendix_1(period: str) -> Iterable[Row]:
    if period == "2019-H1":
        for row in rows_of("appendix_1"):
            counts = {key: int(text) for key, text in row.items() if key != "unit_name"}
            late = counts["settled_late"]
            yield (
                counts
                | _unit(row)
                | {
                    "settled_late_after_review": late - (13 if row["display_order"] == "12" else 0),
                    "returned_by_post": 4061 if row["display_order"] == "4" else 0,
                    "counted_externally": 1274 if row["display_order"] == "4" else 0,
                }
            )
        return
    for row in rows_of(SCORECARDS[period]):
        received, settled = int(row["received"]), int(row["settled"])
        on_time = int((2 - Decimal(row["indicator_1"])) * settled)
        yield _unit(row) | {
            "total": received,
            "carried_over": 0,
            "newly_received": received,
            "settled_total": settled,
            "settled_early": settled - on_time,
            "settled_on_time": on_time,
            "settled_late": 0,
            "settled_late_after_review": 0,
            "in_progress_total": received - settled,
            "in_progress_in_time": received - settled,
            "in_progress_overdue": 0,
            "returned": 0,
            "received_online": 0,
            "returned_by_post": 0,
            "counted_externally": 0,
        }


def _appendix_2(appendix_1: list[Row]) -> Iterable[Row]:
    for row, unit in zip(rows_of("appendix_2"), appendix_1, strict=True):
        settled = unit["settled_total"]
        buttons = {key: int(text) for key, text in row.items() if key != "unit_name"}
        yield (
            buttons
            | _unit(row)
            | {
                "settled_total": settled,
                "coverage_percent": Decimal(100 * buttons["total"]) / settled,
            }
        )


def _appendix_4() -> Iterable[Row]:
    for row in rows_of("appendix_4"):
        approved = int(row["processes_approved"]) if row["processes_approved"] else None
        on_software = int(row["processes_on_software"]) if approved else None
        yield _unit(row) | {
            "procedures_listed": int(row["procedures_listed"]),
            "processes_approved": approved,
            "processes_on_software": on_software,
            "completion_percent": (
                Decimal(100 * on_software) / approved
                if approved and on_software is not None
                else None
            ),
            "note": row["note"],
        }


def _scorecard(period: str, appendix_1: list[Row]) -> Iterable[Row]:
    cards = []
    printed = rows_of(SCORECARDS.get(period, "appendix_3b_2019_q2"))
    for row, unit in zip(printed, appendix_1, strict=True):
        scores = {n: Decimal(row[f"indicator_{n}"]) for n in range(1, 10)}
        if period == "2019-Q1" and row["display_order"] == "1":
            scores[2] = Decimal("1.9")  # What the case counts give; the report misprints it.
        scores[1] = _handling_time(unit).quantize(Decimal("0.1"), ROUND_HALF_UP)
        first, second = (sum(scores[n] for n in form) for form in (FORM_1, FORM_2))
        cards.append(
            _unit(row)
            | {"received": unit["newly_received"], "settled": unit["settled_total"]}
            | {f"indicator_{n}": score for n, score in scores.items()}
            | {"form_1_total": first, "form_2_total": second, "total": first + second}
            | {"band": _band(first + second)}
        )
    totals = sorted({card["total"] for card in cards}, reverse=True)
    return [card | {"rank": 1 + totals.index(card["total"])} for card in cards]


def _handling_time(unit: Row) -> Decimal:
    """Two points for a case settled early, one for one on time."""
    points = 2 * unit["settled_early"] + unit["settled_on_time"]
    return Decimal(points) / unit["settled_total"]


def _band(total: Decimal) -> str:
    for least, name in ((15, "xuất sắc"), (12, "tốt"), (9, "khá"), (6, "trung bình")):
        if total >= least:
            return name
    return "yếu"


def _evidence(cards: list[Row], appendix_1: list[Row]) -> Iterable[Row]:
    for card, unit in zip(cards, appendix_1, strict=True):
        for number in range(1, 10):
            score = _handling_time(unit) if number == 1 else card[f"indicator_{number}"]
            yield {key: card[key] for key in ("unit_code", "unit_name", "display_order")} | {
                "indicator": number,
                "numerator": score * 50,
                "denominator": 50,
                "unrounded_value": score,
                "evidence_kind": "declared" if number in (5, 6) else "computed",
                "small_denominator": False,
            }


def _late_cases(period: str, appendix_1: list[Row]) -> Iterable[Row]:
    for unit in appendix_1:
        for number in range(unit["settled_late"] + unit["in_progress_overdue"]):
            is_settled = number < unit["settled_late"]
            yield {key: unit[key] for key in ("unit_code", "unit_name", "display_order")} | {
                "case_code": f"{unit['unit_code']}-190304-{number:04d}",
                "procedure_code": "1.000001",
                "due_date": "2019-03-10",
                "finished_date": "2019-03-12" if is_settled else None,
                "days_late": 2,
                "reason": 3 if is_settled else None,
                "reviewed": is_settled,
                "apology_sent": True if is_settled else None,
            }
