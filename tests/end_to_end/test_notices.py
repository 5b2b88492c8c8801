"""The monthly notices to the units: their figures, what is not in them, and who gets them once."""

import csv
import json
from collections.abc import Iterator
from datetime import date, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import openpyxl
import psycopg
import pytest

import oracle
import server_data
from commands import done, end_of, motcua
from mail_sink import Sink
from motcua import settings
from motcua.documents import notice_facts, notices
from motcua.errors import Failed, Interrupted, Refused
from motcua.landing.feeds import FEEDS
from motcua.operations import airflow, local, notify, rest
from motcua.operations.alerts import MailServer
from motcua.warehouse import server

NOTIFY, PUBLISH = "notify_units", "publish_scorecard"
MONTHS = ("2019-02", "2019-03", "2019-04", "2019-05", "2019-06")
UNIT = "000.00.01.H51"
BUTTONS = {"Nghiệp vụ nhân viên": 3, "Thời gian giao dịch": 4}
PERSONAL = [
    (feed, column.name)
    for feed, found in FEEDS.items()
    for column in found.columns
    if column.personal
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the notices go."""
    monkeypatch.setenv("MOTCUA_NOTICES", str(tmp_path / "notices"))
    return tmp_path / "notices"


@pytest.fixture
def addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two units and the Centre have an address."""
    path = tmp_path / "addresses.csv"
    path.write_text(
        "unit_code,address\n000.00.12.H51,tuphap@example.vn\n000.00.11.H51,so11@example.vn\n"
        "CENTRE,trungtam@example.vn\n"
    )
    monkeypatch.setenv("MOTCUA_UNIT_ADDRESSES", str(path))
    return path


def rows_of(path: Path, sheet: str) -> list[dict[str, Any]]:
    """The rows of a sheet by heading; none when it says that there are none."""
    lines = list(openpyxl.load_workbook(path)[sheet].iter_rows(values_only=True))
    top = next(number for number, line in enumerate(lines) if line[0] == "STT")
    rows = [dict(zip(lines[top], line, strict=True)) for line in lines[top + 1 :]]
    end = next(number for number, row in enumerate(rows) if not any(row.values()))
    assert rows[0]["STT"] == 1 or notices.NONE in rows[0].values()
    return [row for row in rows[:end] if notices.NONE not in row.values()]


def day(cell: datetime | None) -> date | None:
    return cell.date() if cell else None


@pytest.mark.parametrize("month", MONTHS)
def test_notices_hold_the_cases_and_presses_that_the_files_tell(
    published: tuple[str, Path], folder: Path, month: str
) -> None:
    asked = notice_facts.month(month)
    known = asked.last + notice_facts.KNOWN_AFTER
    _, home = published
    expected = oracle.notices(
        home / "landing", settings.reference(), asked.first, asked.last, known
    )
    written = notify.notify_units(month).workbooks
    assert [path.name for path in written] == [
        *(f"{month}_{unit}.xlsx" for unit in expected),
        f"{month}_CENTRE.xlsx",
    ]
    assert any(told["late"] for told in expected.values())
    assert month == "2019-06" or any(told["bad"] for told in expected.values()), "nothing compared"
    summary = rows_of(written[-1], "Tổng hợp")
    for (unit, told), path, total in zip(expected.items(), written, summary, strict=False):
        assert unit in path.name
        late = rows_of(path, "Hồ sơ trễ hạn")
        assert {row["Mã hồ sơ"]: as_told(row) for row in late} == {
            code: as_expected(row) for code, row in told["late"].items()
        }, path.name
        assert len(late) == len(told["late"])
        bad = [
            (
                *(row["Thời điểm"], row["Máy đánh giá"], row["Quầy"], row["Số thứ tự"]),
                BUTTONS[row["Không hài lòng về"]],
            )
            for row in rows_of(path, "Đánh giá không hài lòng")
        ]
        assert bad == sorted(told["bad"]), path.name
        settled = sum(row["finished_date"] is not None for row in told["late"].values())
        assert [total[name] for name in list(total)[2:]] == [
            *(settled, len(told["late"]) - settled),
            sum(not row["reviewed"] for row in told["late"].values()),
            *(total["Chưa xin lỗi"], total["Chưa hẹn lại"]),
            *(told["presses"][3], told["presses"][4], told["presses"][5]),
            sum(told["presses"].values()),
        ]
        for heading, word in (("Chưa xin lỗi", "Xin lỗi"), ("Chưa hẹn lại", "Hẹn lại ngày")):
            assert total[heading] == sum(word in (row["Còn thiếu"] or "") for row in late)
    assert summary[len(expected)]["Đơn vị"] == "Tổng cộng"
    assert summary[len(expected)]["Tổng lượt đánh giá"] == sum(
        sum(told["presses"].values()) for told in expected.values()
    )


def as_told(row: dict[str, Any]) -> tuple[Any, ...]:
    return (
        *(day(row["Hạn trả"]), day(row["Kết thúc xử lý"]), row["Trễ (ngày làm việc)"]),
        row["Tình trạng cuối tháng"] == "Đã giải quyết trễ hạn",
        row["Rà soát"] != "Chưa rà soát",
        row["Văn bản xin lỗi"] == "Đã gửi",
        day(row["Hẹn lại ngày"]),
    )


def as_expected(row: dict[str, Any]) -> tuple[Any, ...]:
    return (
        *(row["due_date"], row["ended_date"], row["days_late"]),
        row["finished_date"] is not None,
        row["reviewed"],
        bool(row["apology_sent"]),
        row["new_due_date"],
    )


def test_no_cell_and_no_mail_has_anything_personal(
    published: tuple[str, Path], folder: Path
) -> None:
    _, home = published
    exports = oracle.read_exports(home / "landing")
    personal = {
        text
        for feed, column in PERSONAL
        for record in exports[feed]
        if len(text := record.row.get(column, "").strip()) > 3
    }
    names = {record.row["ChuHoSo"] for record in exports["cases"]}
    assert len(names & personal) > 1000
    told = ""
    for month in MONTHS:
        for path in notify.notify_units(month).workbooks:
            book = openpyxl.load_workbook(path)
            cells = (cell.value for sheet in book for line in sheet.iter_rows() for cell in line)
            told += "\n".join(str(value) for value in cells if value is not None)
        for notice in notices.of_month(notice_facts.read(notice_facts.month(month))):
            told += notice.headline + notice.body
    assert "000.00.12.H51-" in told
    assert [text for text in personal if text in told] == []


def test_the_role_that_reads_reaches_no_personal_column(published: tuple[str, Path]) -> None:
    url, _ = published
    with psycopg.connect(url) as connection:
        for feed, column in PERSONAL:
            asked = [f"raw.{feed}", column.lower()]
            found = connection.execute(
                "select has_column_privilege('motcua_publisher', %s, %s, 'select')", asked
            ).fetchone()
            assert found == (False,), asked


def test_twice_gives_the_same_bytes_and_leaves_no_other_file(
    published: tuple[str, Path], folder: Path
) -> None:
    before = {path: path.read_bytes() for path in notify.notify_units("2019-03").workbooks}
    done("notify-units", "2019-03")
    assert {path: path.read_bytes() for path in before} == before
    assert sorted(folder.rglob("*")) == sorted([folder / "2019-03", *before])


def test_each_mail_goes_out_once_and_again_only_when_it_says_something_else(
    copy: tuple[str, Path], folder: Path, addresses: Path, sink: tuple[Sink, MailServer]
) -> None:
    handler, mail = sink
    handler.is_full = True
    with pytest.raises(Interrupted, match=r"000\.00\.11\.H51 \(SMTPDataError 452\)") as told:
        notify.notify_units("2019-06", mail=mail)
    assert "hunter2" not in str(told.value), "what the server says may hold a secret"
    handler.is_full = False
    sent = notify.notify_units("2019-06", mail=mail).mailed
    assert sent == [
        ("000.00.11.H51", "so11@example.vn"),
        ("000.00.12.H51", "tuphap@example.vn"),
        ("CENTRE", "trungtam@example.vn"),
    ]
    assert [message["To"] for message in handler.mails] == [address for _, address in sent]
    for (recipient, _), message in zip(sent, handler.mails, strict=True):
        assert message["Subject"].startswith("Tháng 6 năm 2019: ")
        name = f"2019-06_{recipient}.xlsx"
        [attachment] = message.iter_attachments()
        assert attachment.get_filename() == name
        assert attachment.get_content() == (folder / "2019-06" / name).read_bytes()

    assert notify.notify_units("2019-06", mail=mail).mailed == []
    later = notify.notify_units("2019-06", date(2019, 7, 10), mail).mailed
    assert later == sent, "as known on another day they say something else"
    assert "Bản này thay bản đã gửi trước đó." in text_of(handler.mails[-1])
    assert "Bản này thay" not in text_of(handler.mails[0])
    assert len(handler.mails) == 6
    url, _ = copy
    with psycopg.connect(url) as connection:
        noted = connection.execute("select distinct month, known_as_of from ops.notices").fetchall()
        assert sorted(noted) == [("2019-06", date(2019, 7, 4)), ("2019-06", date(2019, 7, 10))]
        with pytest.raises(psycopg.errors.RaiseException):
            connection.execute("delete from ops.notices")


def text_of(message: EmailMessage) -> str:
    body = message.get_body()
    assert body is not None
    return str(body.get_content())


def test_wrong_addresses_and_months_that_are_not_there_are_refused_before_anything_is_written(
    published: tuple[str, Path], folder: Path, addresses: Path
) -> None:
    with pytest.raises(Refused, match="do not hold the whole of 2019-07"):
        notify.notify_units("2019-07")
    with pytest.raises(Failed, match="the month ends on 2019-03-31"):
        notify.notify_units("2019-03", date(2019, 3, 30))
    addresses.write_text("unit_code,address\nX,a@example.vn\n")
    ran = motcua("notify-units", "2019-03")
    assert (ran.returncode, f"{addresses}, line 2, column unit_code" in ran.stderr) == (1, True)
    assert not folder.exists()


def test_what_was_promised_done_and_said_after_the_month_is_told_beside_it(
    copy: tuple[str, Path], folder: Path
) -> None:
    """Cases of one unit, each due on 10/06/2019, and what is told of them as known on 04/07."""
    _, landing = copy
    lives = {
        "8001": {},
        "8002": {},
        "8003": {"NgayKetThucXuLy": "20190612100000", "TrangThaiHoSo": "9"},
        "8004": {},
        "8005": {"NgayKetThucXuLy": "20190610160000", "TrangThaiHoSo": "9"},
        "8006": {"NgayKetThucXuLy": "20190612100000", "TrangThaiHoSo": "7"},
        "8007": {},
        "8008": {"NgayKetThucXuLy": "20190618100000", "TrangThaiHoSo": "9"},
        "8009": {"NgayHenTra": "20190630170000"},
        "8010": {"NgayHenTra": ""},
    }
    code = {number: f"{UNIT}-190603-{number}" for number in lives}
    since = {"NgayCapNhat": "20190702170000"}
    requests = [
        supplement("8002", code, "20190702090000", "20190715170000"),
        supplement("8008", code, "20190605090000", "20190620170000"),
    ]
    reviews = [
        review(code["8003"], "1", NgayTraThucTe="20190610150000"),
        review(code["8004"], "3", DaXinLoi="1"),
    ]
    files = {
        "cases_2019-06-18_them.csv": [
            case(code[number], **changes) for number, changes in lives.items()
        ],
        "cases_2019-07-02_them.csv": [
            case(code["8004"], NgayKetThucXuLy="20190702100000", TrangThaiHoSo="9", **since),
            case(code["8007"], DaXoa="1", **since),
        ],
        "supplements_2019-06-05_them.csv": requests[1:],
        "supplements_2019-07-02_them.csv": requests[:1],
        "late_reviews_2019-07-03_them.csv": reviews,
    }
    for name, records in files.items():
        feed = name.partition("_2019")[0]
        (landing / feed).mkdir(exist_ok=True)
        with (landing / feed / name).open("w", newline="") as handle:
            writer = csv.DictWriter(handle, [column.name for column in FEEDS[feed].columns])
            writer.writeheader()
            writer.writerows(records)
    done("ingest")
    done("build")
    notify.notify_units("2019-06")
    found = {
        row["Mã hồ sơ"][-4:]: row
        for row in rows_of(folder / "2019-06" / f"2019-06_{UNIT}.xlsx", "Hồ sơ trễ hạn")
        if row["Mã hồ sơ"] in code.values()
    }
    told = {
        number: (
            row["Tình trạng cuối tháng"].startswith("Đã"),
            *(day(row["Kết thúc xử lý"]), row["Trễ (ngày làm việc)"], day(row["Hẹn lại ngày"])),
            *(row["Rà soát"], row["Văn bản xin lỗi"], row["Còn thiếu"]),
        )
        for number, row in found.items()
    }
    none = ("Chưa rà soát", "Chưa gửi")
    excused = "Ghi nhận trễ trên hệ thống, thực tế trả ngày 10/06/2019"
    assert told == {
        "8001": (False, None, 14, None, *none, "Rà soát; Xin lỗi; Hẹn lại ngày"),
        "8002": (False, None, 14, date(2019, 7, 15), *none, "Rà soát; Xin lỗi"),
        "8003": (True, date(2019, 6, 12), 2, None, excused, "Không phải gửi", None),
        "8004": (False, date(2019, 7, 2), 14, None, "Chờ cơ quan khác", "Đã gửi", None),
    }
    assert day(found["8002"]["Hạn trả"]) == date(2019, 6, 10), "the promise that was broken"


def case(case_code: str, **changes: str) -> dict[str, str]:
    return {
        "MaHoSo": case_code,
        "MaTTHC": "1.000012.000.00.00.H51",
        "MaDonVi": UNIT,
        "KenhThucHien": "1",
        "ChuHoSo": "Trần Thị Bích Ngọc",
        "NgayNopHoSo": "20190603074500",
        "NgayTiepNhan": "20190603080000",
        "NgayHenTra": "20190610170000",
        "TrangThaiHoSo": "4",
        "NgayCapNhat": "20190618170000",
    } | changes


def supplement(number: str, code: dict[str, str], asked: str, due: str) -> dict[str, str]:
    return {
        "HoSoBoSungId": f"BS{number}",
        "MaHoSo": code[number],
        "NgayBoSung": asked,
        "NgayHenTraTruoc": "20190610170000",
        "NgayHenTraMoi": due,
        "NgayCapNhat": asked,
    }


def review(case_code: str, reason: str, **changes: str) -> dict[str, str]:
    values = {"MaHoSo": case_code, "NguyenNhan": reason, "NgayXacNhan": "20190703090000"}
    return values | {"DaXinLoi": "0"} | changes


@pytest.fixture
def scheduler(
    copy: tuple[str, Path],
    folder: Path,
    addresses: Path,
    sink: tuple[Sink, MailServer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[rest.Api]:
    """Airflow beside the published warehouse, with the connection of the mail server."""
    monkeypatch.setenv("MOTCUA_ALERT_RECIPIENTS", "truc@example.vn")
    monkeypatch.setenv("MOTCUA_HOME", str(tmp_path / "airflow_home"))
    try:
        local.up(lambda text: None)
        api, (_, mail) = airflow.api(), sink
        extra = {"from_email": mail.sender, "disable_ssl": True, "disable_tls": True}
        api.call(
            "POST",
            "/connections",
            {
                "connection_id": "motcua_smtp",
                "conn_type": "smtp",
                "host": mail.host,
                "port": mail.port,
                "login": mail.login,
                "password": mail.password,
                "extra": json.dumps(extra),
            },
        )
        yield api
    finally:
        record = server.running()
        local.down()
        server_data.delete(record)


@pytest.mark.slow
def test_the_scheduler_writes_and_mails_the_notices_of_a_month(
    scheduler: rest.Api, folder: Path, sink: tuple[Sink, MailServer]
) -> None:
    handler, _ = sink

    def mailed(dag_id: str, to_alerts: bool) -> list[str]:
        run_id = rest.trigger(scheduler, dag_id, {"month": "2019-06"} if dag_id == NOTIFY else {})
        assert end_of(scheduler, dag_id, run_id) == "success", airflow.task_log(dag_id, run_id)
        return subjects(to_alerts)

    def subjects(to_alerts: bool) -> list[str]:
        return [
            mail["Subject"]
            for mail in handler.mails
            if (mail["To"] == "truc@example.vn") == to_alerts
        ]

    for _ in range(2):
        assert len(mailed(NOTIFY, to_alerts=False)) == 3, "the second run mails nothing"
    assert len(list((folder / "2019-06").iterdir())) == 17
    nameless = rest.trigger(scheduler, NOTIFY, {})
    assert end_of(scheduler, NOTIFY, nameless) == "failed"
    assert "Name the month" in "\n".join(airflow.task_log(NOTIFY, nameless)[1])

    noteless = rest.trigger(scheduler, PUBLISH, {"period": "2019-Q1", "revise": True})
    assert end_of(scheduler, PUBLISH, noteless) == "failed"

    # The watch finds that the calendar of 2019 is over, and tells it once a day.
    for _ in range(2):
        told = mailed("check_freshness", to_alerts=True)
        assert told.count("Lịch công bố không có kỳ tiếp theo") == 1
        assert told.count("Tác vụ thất bại: notify_units.tell_units") == 1
        assert told.count(f"Bước kiểm tra từ chối: {PUBLISH}.check_candidate") == 1
        assert not [one for one in told if one.startswith("Bước check_candidate")], "told once"
    assert len(told) == len(set(told))
