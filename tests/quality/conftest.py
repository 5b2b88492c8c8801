"""Fixtures of the gates' tests: a warehouse with files, and one with figures."""

from collections.abc import Iterator
from datetime import date

import psycopg
import pytest
from small_warehouse import (
    PACK,
    PERIOD,
    UNITS,
    Landed,
    add_figures,
    add_release_before,
    copy_published,
    good,
    working_days,
)


@pytest.fixture
def admin(warehouse: str) -> Iterator[psycopg.Connection]:
    """A session of the administrator, in the Centre's time zone."""
    with psycopg.connect(warehouse) as connection:
        connection.execute("set timezone to 'Asia/Ho_Chi_Minh'")
        connection.execute(
            "insert into reference.packs (reference_sha256, name) values (%s, 'made up')", [PACK]
        )
        connection.commit()
        yield connection


@pytest.fixture
def landed(admin: psycopg.Connection) -> Landed:
    """A warehouse with a register of procedures in core, ready for files."""
    landed = Landed(admin)
    landed.file("procedures", good("procedures"), day=date(2019, 1, 2), applied=True)
    admin.commit()
    return landed


@pytest.fixture
def candidate(admin: psycopg.Connection) -> psycopg.Connection:
    """Figures of one period without a fault, and the release of the year before."""
    tables = (
        "appendix_1",
        "appendix_2",
        "appendix_4",
        "scorecard",
        "indicator_evidence",
        "late_cases",
        "release_inputs",
    )
    for table in tables:
        if table == "release_inputs":
            admin.execute(
                "create table marts.release_inputs (like published.release_inputs);"
                " alter table marts.release_inputs drop column publication_id;"
                " alter table marts.release_inputs add column period_code text"
            )
        else:
            admin.execute(copy_published(table))
    admin.execute(
        "create table marts.periods (period_code text, kind text, cases_from date, cases_to date,"
        " ratings_from date, ratings_to date, processes_as_of date, known_as_of date,"
        " rule_set text, reference_sha256 text, data_until date);"
        " insert into marts.periods values ('2019-Q1', 'quarter', '2019-01-01', '2019-03-31',"
        " '2019-01-01', '2019-03-31', '2019-03-31', '2019-04-05', 'r', repeat('a', 64),"
        " '2019-04-05')"
    )
    for line, unit in enumerate(UNITS, start=1):
        admin.execute(
            "insert into reference.units (reference_sha256, line, unit_code, valid_from, valid_to)"
            " values (%s, %s, %s, '2018-01-01', '')",
            [PACK, line, unit],
        )
        add_figures(admin, unit, line)
    admin.execute(
        "insert into reference.units (reference_sha256, line, unit_code, valid_from, valid_to)"
        " values (%s, 9, 'GONE', '2010-01-01', '2018-12-31')",
        [PACK],
    )
    for indicator in range(1, 10):
        admin.execute(
            "insert into reference.scoring_rules (reference_sha256, line, rule_set, indicator)"
            " values (%s, %s, 'r', %s)",
            [PACK, indicator, str(indicator)],
        )
    admin.execute(
        "insert into reference.reporting_periods (reference_sha256, line, period_code, kind,"
        " cases_from, cases_to) values"
        " (repeat('a', 64), 1, '2018-Q4', 'quarter', '2018-10-01', '2018-12-31'),"
        " (repeat('a', 64), 2, '2019-Q1', 'quarter', '2019-01-01', '2019-03-31');"
        " insert into reference.feeds values"
        " (repeat('a', 64), 1, 'cases', 'working_days', '2018-12-03'),"
        " (repeat('a', 64), 2, 'ratings', 'working_days', '2019-03-18'),"
        " (repeat('a', 64), 3, 'petitions', 'on_change', '2019-01-02');"
        " insert into reference.calendar values"
        " (repeat('a', 64), 1, '2019-01-01', 'false', 'Tết Dương lịch'),"
        " (repeat('a', 64), 2, '2019-01-05', 'true', 'Làm bù')"
    )
    for feed, first in (("cases", date(2019, 1, 1)), ("ratings", date(2019, 3, 18))):
        for day in working_days(first, date(2019, 4, 5)):
            admin.execute(
                "insert into marts.release_inputs (period_code, feed, file_name, business_date,"
                " part, revision, sha256, records) values (%s, %s, '', %s, '', 1, 's', 1)",
                [PERIOD, feed, day],
            )
    admin.execute("grant select on all tables in schema marts to motcua_publisher")
    add_release_before(admin)
    admin.commit()
    return admin
