"""The rules of a record: forms of values, messages, and that the block check misses nothing."""

from datetime import date, timedelta

import polars as pl
import pytest
from export_files import OTHER_UNIT, UNIT, case, rating

from motcua.landing import checks
from motcua.landing.feeds import FEEDS

KNOWN = checks.Known(frozenset({UNIT, OTHER_UNIT, "Sở Y tế"}), frozenset({"K01", "K02"}))
CASES = FEEDS["cases"]
COLUMNS = {column.name: column for feed in FEEDS.values() for column in feed.columns}


def told(record, feed="cases", known=KNOWN):
    tidy = {name: checks.tidy(COLUMNS[name], value) for name, value in record.items()}
    return [(fault.column, fault.reason) for fault in checks.faults(FEEDS[feed], tidy, known)]


def doubted(records, feed="cases", known=KNOWN):
    """Places of the records that the check of whole blocks picks out."""
    frame = pl.DataFrame(records, dict.fromkeys(records[0], pl.String))
    picked = frame.select(checks.doubts(FEEDS[feed], frame.columns, known).arg_true())
    return picked.to_series().to_list()


@pytest.mark.parametrize("year", [1900, 1999, 2000, 2019, 2020, 2024, 2100, 2400, 9999])
def test_every_day_of_the_calendar_can_be_read_and_no_other(year):
    column = pl.Series(
        [
            form.format(year=year, month=month, day=day)
            for month in range(14)
            for day in range(33)
            for form in (
                "{year:04}{month:02}{day:02}235959",
                "{day:02}/{month:02}/{year:04}",
                "{year:04}-{month:02}-{day:02}T08:00:00+07:00",
            )
        ]
    )
    length = (date(year, 12, 31) - date(year, 1, 1)).days + 1
    expected = {
        text
        for day in (date(year, 1, 1) + timedelta(days=number) for number in range(length))
        for text in (
            f"{year:04}{day:%m%d}235959",
            f"{day:%d/%m}/{year:04}",
            f"{year:04}-{day:%m-%d}T08:00:00+07:00",
        )
    }
    readable = column.filter(column.str.contains(rf"\A(?:{checks.TIME_FORMS})\z"))
    assert set(readable) == expected


@pytest.mark.parametrize(
    "text",
    [
        "20190304080000",
        "04/03/2019",
        "04/03/2019 08:05",
        "04/03/2019 08:05:59",
        "2019-03-04",
        "2019-03-04 08:05",
        "2019-03-04T08:05:00",
        "2019-03-04T08:05:00.123456",
        "2019-03-04T01:05:00Z",
        "2019-03-04T08:05:00+0700",
    ],
)
def test_a_time_in_a_form_of_the_contract_stays_as_it_is(text):
    record = case(NgayHenTra=text)
    assert checks.tidy(COLUMNS["NgayHenTra"], text) == text
    assert told(record) == []
    assert doubted([record]) == []


@pytest.mark.parametrize(
    ("text", "tidy"),
    [
        ("20190304", "20190304000000"),
        ("20190304T080500", "20190304080500"),
        ("20190304T010500Z", "20190304080500"),
        ("2019-W10-1", "20190304000000"),
        ("2019-03-04T08:05:00,5", "2019-03-04T08:05:00.500000"),
        (" 04/03/2019 ", "04/03/2019"),
    ],
)
def test_a_rarer_iso_form_becomes_local_time(text, tidy):
    assert checks.tidy(COLUMNS["NgayHenTra"], text) == tidy
    assert doubted([case(NgayHenTra=text)]) == [0]
    assert told(case(NgayHenTra=text)) == []


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("MaHoSo", "", "is empty"),
        ("MaHoSo", "  ", "is empty"),
        ("MaTTHC", "", "is empty"),
        ("MaDonVi", "", "is empty"),
        ("MaDonVi", "000.00.99.H51", '"000.00.99.H51" is not a unit of the reference pack'),
        ("KenhThucHien", "", "is empty"),
        ("KenhThucHien", "4", '"4" is not allowed'),
        ("KenhThucHien", "một", "the value (3 characters) is not a whole number"),
        ("MucDo", "1", '"1" is not allowed'),
        ("DaXoa", "2", '"2" is not allowed'),
        ("DaXoa", "-1", "the value (2 characters) is not a whole number"),
        ("TrangThaiHoSo", "11", '"11" is not allowed'),
        ("NgayCapNhat", "", "is empty"),
        ("NgayHenTra", "20190230080000", '"20190230080000" is not a time that exists'),
        ("NgayHenTra", "20190304240000", '"20190304240000" is not a time that exists'),
        ("NgayHenTra", "31/04/2019", '"31/04/2019" is not a time that exists'),
        ("MucDo", "04/03/2019", "the value (10 characters) is not a whole number"),
        ("MaDonVi", "12.05.1980", "the value (10 characters) is not a unit of the reference pack"),
        ("NgayHenTra", "4/3/2019", '"4/3/2019" is not a time that exists'),
        ("NgayHenTra", "2019-02-29", '"2019-02-29" is not a time that exists'),
        ("NgayHenTra", "NULL", "the value (4 characters) is not a time that exists"),
        ("NgayTra", "0219-03-04", '"0219-03-04" is not a time that exists'),
        ("NgayTiepNhan", "", 'is empty although TrangThaiHoSo is "2"'),
    ],
)
def test_a_value_that_breaks_a_rule_is_told_with_its_column(column, value, reason):
    record = case(**{column: value})
    assert told(record) == [(column, reason)]
    assert doubted([case(), record, case()]) == [1]


@pytest.mark.parametrize("status", ["1", "3"])
def test_a_case_that_was_not_received_needs_no_receipt_date(status):
    record = case(TrangThaiHoSo=status, NgayTiepNhan="")
    assert told(record) == []
    assert doubted([record]) == []


def test_every_fault_of_a_record_is_told():
    assert told(case(MaHoSo="", NgayHenTra="mai", DaXoa="7")) == [
        ("MaHoSo", "is empty"),
        ("NgayHenTra", "the value (3 characters) is not a time that exists"),
        ("DaXoa", '"7" is not allowed'),
    ]


def test_the_text_null_is_text():
    record = case(MaTTHC="NULL")
    assert told(record) == []
    assert doubted([record]) == []


def test_another_spelling_of_a_unit_in_the_pack_is_accepted():
    assert told(case(MaDonVi="Sở Y tế")) == []
    assert doubted([case(MaDonVi="Sở Y tế")]) == []


def test_a_kiosk_must_be_in_the_pack_unless_the_pack_has_none():
    stranger = rating(MaKiosk="K09")
    assert told(stranger, "ratings") == [("MaKiosk", '"K09" is not a kiosk of the reference pack')]
    assert doubted([rating(), stranger], "ratings") == [1]
    without_kiosks = KNOWN._replace(kiosks=frozenset())
    assert told(stranger, "ratings", without_kiosks) == []
    assert doubted([stranger], "ratings", without_kiosks) == []


@pytest.mark.parametrize(
    ("value", "tidy"), [("2", "2"), ("02", "2"), ("2.0", "2"), (" 2 ", "2"), ("0", "0"), ("", "")]
)
def test_a_whole_number_loses_zeros_and_blanks(value, tidy):
    assert checks.tidy(COLUMNS["MucDo"], value) == tidy


@pytest.mark.parametrize("value", ["1.274", "1,274", "2.5", "1e3", "+1", "٣"])
def test_a_number_that_could_be_read_in_two_ways_is_refused(value):
    (fault,) = told({"KyTruoc": value}, "external_counts")
    assert fault[0] == "KyTruoc"
    assert doubted([{"KyTruoc": value}], "external_counts") == [0]


def test_codes_with_separate_accents_become_those_of_the_pack():
    decomposed = "So\u031b\u0309 Y te\u0302\u0301"
    assert checks.tidy(COLUMNS["MaDonVi"], decomposed) == "Sở Y tế"
    assert checks.may_need_nfc(decomposed.encode())
    assert not checks.may_need_nfc("Sở Lao động, Thương binh và Xã hội; đường Nguyễn Huệ".encode())


def test_personal_text_keeps_its_blanks():
    assert checks.tidy(COLUMNS["ChuHoSo"], " Lê Văn A ") == " Lê Văn A "
    assert doubted([case(ChuHoSo=" Lê Văn A ")]) == []


@pytest.mark.parametrize(
    "value",
    [
        "0912345678",
        "366123456789",
        "Nguyễn Văn A",
        "a@example.vn",
        "12 Lê Lợi",
        "NGUYENVANA",
        "0912.345.678",
        "0791.8500.1234",
        "NGOC.TRAN",
        "079.18.50.01234",
        "B1234567",
    ],
)
def test_a_message_never_shows_what_may_be_personal(value):
    assert value not in checks.shown(value)
    for column in ("NgayHenTra", "KenhThucHien", "MaDonVi"):
        ((_, reason),) = told(case(**{column: value}))
        assert value not in reason
