"""Small warehouses for the gates: export rows as the loader leaves them, figures as dbt does."""

from dataclasses import dataclass
from datetime import date, timedelta

import psycopg

from motcua.landing.feeds import FEEDS

PACK = "a" * 64
DAY = date(2019, 3, 4)
RECORDS = 25
SECRET = "NGUYỄN VĂN BÍ MẬT"

GOOD: dict[str, dict[str, str]] = {
    "cases": {
        "mahoso": "000.00.05.H51-190304-{n:04}",
        "matthc": "1.001.H51",
        "madonvi": "000.00.05.H51",
        "kenhthuchien": "1",
        "ngaynophoso": "2019-03-04T07:30:00+07:00",
        "ngaytiepnhan": "04/03/2019 08:00",
        "ngayhentra": "20190308170000",
        "ngayketthucxuly": "20190304160000",
        "trangthaihoso": "9",
        "ngaycapnhat": "2019-03-04T17:00:00",
    },
    "steps": {
        "mahoso": "000.00.05.H51-190304-{n:04}",
        "mabuoc": "1",
        "ngaybatdau": "04/03/2019",
        "ngayketthuctheoquydinh": "2019-03-05 17:00",
        "thoidiemxuly": "20190304150000",
        "ngaycapnhat": "20190304170000",
    },
    "supplements": {
        "hosobosungid": "{n}",
        "mahoso": "000.00.05.H51-190301-0001",
        "ngaybosung": "04/03/2019",
        "loinguoinop": "1",
        "ngaycapnhat": "20190304170000",
    },
    "petitions": {
        "mapakn": "PA{n}",
        "madonvi": "000.00.05.H51",
        "ngaytiepnhan": "20190304080000",
        "hanxuly": "20190314170000",
        "ngaycapnhat": "20190304170000",
    },
    "procedures": {
        "matthc": "1.{n:03}.H51",
        "tentthc": "Cấp giấy phép",
        "madonvi": "000.00.05.H51",
        "mucdo": "3",
        "congkhai": "2",
        "ngaycapnhat": "20190304170000",
    },
    "ratings": {
        "makiosk": "K02",
        "quay": "2",
        "sothutu": "{n}",
        "madonvi": "000.00.05.H51",
        "thoigian": "20190304091500",
        "nutdanhgia": "1",
    },
    "late_reviews": {
        "mahoso": "000.00.05.H51-190201-{n:04}",
        "nguyennhan": "1",
        "ngaytrathucte": "20190215",
        "ngayxacnhan": "20190304170000",
    },
    "external_counts": {
        "hethong": "GPLX{n}",
        "madonvi": "000.00.04.H51",
        "tungay": "20190101",
        "denngay": "20190228",
        "ngaycapnhat": "20190304170000",
    },
}
"""A record of each feed that nothing is wrong with; {n} is its number in the file."""


@dataclass
class Landed:
    """Puts files into schema raw as the loader does."""

    connection: psycopg.Connection

    def file(
        self,
        feed: str,
        records: list[dict[str, str]],
        day: date = DAY,
        revision: int = 1,
        state: str = "loaded",
        claimed: int | None = None,
        applied: bool = False,
    ) -> int:
        """Add a file with its records; `claimed` is what the manifest says it holds."""
        number = len(records) if claimed is None else claimed
        name = f"{feed}_{day}_r{revision}.csv"
        row = self.connection.execute(
            "insert into raw.files (feed, uri, file_name, business_date, revision, sha256, bytes,"
            " records, loaded, rejected, state, read_by)"
            " values (%s, %s, %s, %s, %s, md5(random()::text), 1, %s, %s, 0, %s, 'stream')"
            " returning file_id",
            [feed, f"file:///{name}", name, day, revision, number, number, state],
        ).fetchone()
        assert row is not None
        file_id: int = row[0]
        personal = {c.sql_name: SECRET for c in FEEDS[feed].columns if c.personal}
        for position, record in enumerate(records, start=1):
            told = {name: value or None for name, value in record.items()}
            values = {"row_id": (file_id << 32) + position, **personal, **told}
            self.connection.execute(
                f"insert into raw.{feed} ({', '.join(values)})"
                f" values ({', '.join(['%s'] * len(values))})",
                list(values.values()),
            )
        if applied:
            self.connection.execute(
                "create table if not exists core.files_applied (file_id integer);"
                " grant select on core.files_applied to motcua_transformer"
            )
            self.connection.execute("insert into core.files_applied values (%s)", [file_id])
        return file_id

    def past(self, feed: str, usual: int, days: int = 10) -> None:
        """Add the manifest of some working days before DAY that core holds already."""
        day = DAY
        for _ in range(days):
            day -= timedelta(days=3 if day.isoweekday() == 1 else 1)
            self.file(feed, [], day=day, claimed=usual, applied=True)


def good(feed: str, number: int = RECORDS) -> list[dict[str, str]]:
    """Records without a fault."""
    return [
        {name: value.format(n=n) for name, value in GOOD[feed].items()}
        for n in range(1, number + 1)
    ]


UNITS = ("U1", "U2", "U3")
PERIOD = "2019-Q1"


def copy_published(table: str) -> str:
    """A table of schema marts: its published columns without the release."""
    return (
        f"create table marts.{table} (like published.{table});"
        f" alter table marts.{table} drop column publication_id, drop column revision;"
    )


def working_days(first: date, last: date) -> list[date]:
    """Mondays to Fridays but New Year's Day, and the Saturday that makes up for it."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [
        day
        for day in days
        if (day.isoweekday() <= 5 and day != date(2019, 1, 1)) or day == date(2019, 1, 5)
    ]


def add_figures(admin: psycopg.Connection, unit: str, order: int) -> None:
    """Figures of a unit that agree with each other."""

    def insert(table: str, values: dict[str, object]) -> None:
        admin.execute(
            f"insert into marts.{table} (period_code, unit_code, unit_name, display_order,"
            f" {', '.join(values)}) values ({', '.join(['%s'] * (len(values) + 4))})",
            [PERIOD, unit, f"Sở {unit}", order, *values.values()],
        )

    insert(
        "appendix_1",
        {
            "total": 100,
            "carried_over": 10,
            "newly_received": 90,
            "settled_total": 80,
            "settled_early": 60,
            "settled_on_time": 15,
            "settled_late": 5,
            "settled_late_after_review": 4,
            "in_progress_total": 20,
            "in_progress_in_time": 18,
            "in_progress_overdue": 2,
            "returned": 1,
            "received_online": 30,
            "returned_by_post": 3,
            "counted_externally": 0,
        },
    )
    insert(
        "appendix_2",
        {
            "satisfied_service": 20,
            "satisfied_attitude": 20,
            "dissatisfied_competence": 0,
            "dissatisfied_time": 0,
            "comments": 0,
            "total": 40,
            "settled_total": 80,
            "coverage_percent": 50,
        },
    )
    insert(
        "appendix_4",
        {
            "procedures_listed": 12,
            # A unit without an approved process is empty there, which is no fault.
            "processes_approved": None if unit == "U3" else 9,
            "processes_on_software": None if unit == "U3" else 9,
            "completion_percent": None if unit == "U3" else 75,
        },
    )
    insert(
        "scorecard",
        {
            "received": 90,
            "settled": 80,
            **{f"indicator_{number}": "1.7" for number in range(1, 10)},
            "form_1_total": "8.5",
            "form_2_total": "6.8",
            "total": "15.3",
            "band": "xuất sắc",
            "rank": 1,
        },
    )
    for indicator in range(1, 10):
        insert(
            "indicator_evidence",
            {
                "indicator": indicator,
                "numerator": 136,
                "denominator": 80,
                "unrounded_value": "1.7",
                "evidence_kind": "computed",
                "small_denominator": False,
            },
        )
    insert(
        "late_cases",
        {
            "case_code": f"{unit}-190107-0001",
            "procedure_code": "1.001.H51",
            "due_date": "2019-01-11",
            "finished_date": "2019-01-12",
            "days_late": 0,
            "reviewed": False,
        },
    )


def add_release_before(admin: psycopg.Connection) -> None:
    """The same figures, published for the quarter before; U3 had none then."""
    admin.execute(
        "insert into published.publications (publication_id, period_code, revision, kind,"
        " cases_from, cases_to, ratings_from, ratings_to, processes_as_of, known_as_of, rule_set,"
        " reference_sha256, approved_by, code_version) values ('2018-Q4.r1', '2018-Q4', 1,"
        " 'quarter', '2018-10-01', '2018-12-31', '2018-10-01', '2018-12-31', '2018-12-31',"
        " '2019-01-04', 'r', repeat('a', 64), 'test', 'test')"
    )
    for table in ("appendix_1", "scorecard"):
        columns = ", ".join(
            row[0]
            for row in admin.execute(
                "select column_name from information_schema.columns where table_schema = 'marts'"
                " and table_name = %s and column_name <> 'period_code'",
                [table],
            )
        )
        admin.execute(
            f"insert into published.{table} (publication_id, period_code, revision, {columns})"
            f" select '2018-Q4.r1', '2018-Q4', 1, {columns} from marts.{table}"
            " where unit_code <> 'U3'"
        )
