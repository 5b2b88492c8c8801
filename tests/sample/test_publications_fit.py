"""The corrections between the three publications are those that the domain describes."""

from collections import Counter
from datetime import date

from oracle import Record, read_day, read_moment

Histories = dict[str, list[Record]]

SECOND_PUBLICATION, THIRD_PUBLICATION = date(2019, 6, 20), date(2019, 7, 11)
YEAR, WINDOW_END = date(2019, 1, 1), date(2019, 6, 15)


def unit(record: Record) -> int:
    return int(record.row["MaDonVi"][7:9])


def received(record: Record) -> date | None:
    moment = read_moment(record.row["NgayTiepNhan"])
    return moment.date() if moment else None


def between_publications(day: date) -> bool:
    return SECOND_PUBLICATION < day <= THIRD_PUBLICATION


def test_re_registered_cases_get_their_true_receipt_date_after_the_second_quarter(
    histories: Histories,
) -> None:
    corrected: Counter[int] = Counter()
    for history in histories.values():
        first, last = received(history[0]), received(history[-1])
        if first == last:
            continue
        corrected[unit(history[0])] += 1
        assert first is not None
        assert YEAR <= first <= date(2019, 3, 31)
        assert last is not None
        assert last < YEAR
        change = next(record.day for record in history if received(record) == last)
        assert between_publications(change)
    assert corrected == {
        1: 1, 2: 1, 4: 673, 5: 13, 8: 10, 9: 27, 10: 18, 12: 194, 13: 4, 14: 43, 16: 1,
    }  # fmt: skip


def test_only_re_registered_cases_disagree_with_their_codes(histories: Histories) -> None:
    disagreeing = 0
    for code, history in histories.items():
        day = received(history[-1])
        disagreeing += day is not None and f"{day:%y%m%d}" != code.split("-")[1]
    assert disagreeing == 985


def test_cases_loaded_only_after_the_second_publication(histories: Histories) -> None:
    loaded_late = Counter(
        unit(history[0])
        for history in histories.values()
        if history[0].day > SECOND_PUBLICATION and (received(history[0]) or YEAR) < YEAR
    )
    assert loaded_late == {3: 1, 7: 19, 11: 23, 12: 1, 15: 153}


def test_one_external_count_of_carried_over_cases(exports: dict[str, list[Record]]) -> None:
    (count,) = exports["external_counts"]
    assert between_publications(count.day)
    assert unit(count) == 4
    assert (read_day(count.row["TuNgay"]), read_day(count.row["DenNgay"])) == (YEAR, WINDOW_END)
    counted = {column: int(count.row[column]) for column in ("KyTruoc", "DangXuLyConHan")}
    assert counted == {"KyTruoc": 1274, "DangXuLyConHan": 1274}


def test_double_entries_are_removed_after_they_were_counted_as_settled(
    histories: Histories,
) -> None:
    removed: Counter[int] = Counter()
    for history in histories.values():
        cancelled = [record for record in history if record.row["DaXoa"] == "1"]
        if not cancelled:
            continue
        removed[unit(history[0])] += 1
        assert between_publications(cancelled[0].day)
        assert cancelled[-1] is history[-1]
        assert read_day(history[-1].row["NgayKetThucXuLy"]) <= WINDOW_END
    assert removed == {8: 1, 15: 53}


def test_cases_settled_in_the_window_but_recorded_after_the_second_publication(
    histories: Histories,
) -> None:
    recorded_late: Counter[int] = Counter()
    for history in histories.values():
        told = next((r for r in history if r.row["NgayKetThucXuLy"]), None)
        if told is None or not YEAR <= read_day(told.row["NgayKetThucXuLy"]) <= WINDOW_END:
            continue
        recorded_late[unit(told)] += told.day > SECOND_PUBLICATION
    assert +recorded_late == {5: 12, 12: 1}


def test_until_the_second_publication_cases_of_2018_are_finished_or_returned(
    histories: Histories,
) -> None:
    for history in histories.values():
        known = [record for record in history if record.day <= SECOND_PUBLICATION]
        if known and (received(known[-1]) or YEAR) < YEAR:
            row = known[-1].row
            assert row["NgayKetThucXuLy"] or row["TrangThaiHoSo"] in ("7", "8")


def test_returned_cases_stay_inside_one_quarter_or_come_from_2018(histories: Histories) -> None:
    returned = [
        history[-1]
        for history in histories.values()
        if history[-1].row["TrangThaiHoSo"] in ("7", "8")
    ]
    assert len(returned) == 27
    carried_over = 0
    for record in returned:
        came = received(record)
        went = read_moment(record.row["NgayKetThucXuLy"] or record.row["NgayTra"])
        assert came is not None
        assert went is not None
        assert went.date() <= WINDOW_END
        carried_over += came < YEAR
        second = date(2019, 4, 1)
        assert came < YEAR or (came < second) == (went.date() < second)
    assert 0 < carried_over < 27


def test_settled_of_the_quarters_and_of_the_half_year_differ_in_four_units(
    published: dict[str, dict[str, dict[str, dict[str, int]]]],
) -> None:
    differences = {}
    for code, row in published["2019-H1"]["appendix_1"].items():
        quarters = sum(
            published[period]["scorecard"][code]["settled"] for period in ("2019-Q1", "2019-Q2")
        )
        differences[int(code[7:9])] = row["settled_total"] - quarters
    assert {order: n for order, n in differences.items() if n} == {5: 12, 8: -1, 12: 1, 15: -53}
