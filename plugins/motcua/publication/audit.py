"""Audits a report that somebody else printed, or tells the stored checks of a publication."""

import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import psycopg
from psycopg.rows import dict_row

from motcua.errors import Failed
from motcua.publication import audit_tables, audit_text, report_reading, report_tables
from motcua.publication.audit_tables import Finding
from motcua.publication.report_reading import Block, Paragraph
from motcua.warehouse import database, withdrawals
from motcua.warehouse.withdrawals import Withdrawal

LEVELS = {
    "critical": "Mâu thuẫn nghiêm trọng",
    "warning": "Cảnh báo",
    "info": "Lưu ý",
}

SHOWN = 100
"""How many findings of a level are printed; the rest is counted."""

FILES = report_reading.FILES
"""Endings of the files that can be audited."""


_FOOT = re.compile(r"Số liệu công bố (\S+\.r[0-9]+)\b")


@dataclass(frozen=True)
class Audit:
    """What was read and found; `tables` says which appendices, with their number of units.

    is_text_cut: whether the text tells more figures than are held against the tables. releases: the
    publications that it says it prints, as our own workbooks do.
    """

    source: str
    tables: list[str]
    checked: int
    findings: list[Finding]
    others: int = 0
    is_text_cut: bool = False
    releases: tuple[str, ...] = ()

    @property
    def is_critical(self) -> bool:
        """Whether a contradiction would stop a publication."""
        return any(one.severity == "critical" for one in self.findings)


def audit_file(path: Path) -> Audit:
    """Hold a report (.docx, .xlsx, .txt, .md) against the declared relations.

    Raises Failed when the file cannot be read, or none of its tables is an appendix.
    """
    blocks = report_reading.read(path)
    report = report_tables.recognise(blocks, audit_tables.fits)
    if not report.tables:
        raise Failed(
            f"{path} has no table that is recognised as an appendix ({report.others} other tables)."
            " A table needs a heading row that names the units (Đơn vị) and at least two of the"
            " figures of appendix I, II, III or IV; text tables need tabs or | between columns."
        )
    order = list(LEVELS)
    findings = [*audit_tables.audit(report), *audit_text.audit(report)]
    told = audit_text.count_of(report)
    return Audit(
        str(path),
        [f"{table.label} ({len(table.of_kind('unit'))} đơn vị)" for table in report.tables],
        audit_tables.count_of(report) + told,
        sorted(findings, key=lambda one: order.index(one.severity)),
        report.others,
        told >= audit_text.MOST_FIGURES,
        _releases(blocks),
    )


def _releases(blocks: list[Block]) -> tuple[str, ...]:
    """The publications that the feet of the tables name."""
    texts = [
        text
        for block in blocks
        for text in (
            [block.text] if isinstance(block, Paragraph) else [row[0] for row in block.rows if row]
        )
    ]
    return tuple(dict.fromkeys(found[1] for text in texts if (found := _FOOT.match(text))))


def withdrawals_of(done: Audit) -> list[Withdrawal]:
    """Which of the releases that a report prints are withdrawn; none without a warehouse."""
    if not done.releases:
        return []
    try:
        with database.connect(database.PUBLISHER) as connection:
            found = [withdrawals.of(connection, one) for one in done.releases]
    except (Failed, psycopg.Error):  # somebody audits a file far from the warehouse
        return []
    return [one for one in found if one]


def listing(done: Audit) -> str:
    """The findings in Vietnamese, the gravest first."""
    lines = [
        f"Tự kiểm tra {done.source}",
        f"  Nhận ra {len(done.tables)} bảng: {'; '.join(done.tables)}.",
    ]
    if done.others:
        lines.append(f"  {done.others} bảng khác không theo mẫu phụ lục, không kiểm tra.")
    if done.is_text_cut:
        most = audit_tables.shown(Decimal(audit_text.MOST_FIGURES))
        lines.append(f"  Lời văn có từ {most} số liệu trở lên: chỉ đối chiếu {most} số đầu.")
    number = 0
    for level, title in LEVELS.items():
        here = [one for one in done.findings if one.severity == level]
        if not here:
            continue
        lines += ["", f"{title} ({len(here)})"]
        for one in here[:SHOWN]:
            number += 1
            lines += [
                f"{number:3}. {one.table} · {one.place} · {one.column}",
                f"     in: {one.found}; theo quan hệ: {one.expected}",
                f"     {one.rule} [{one.relation.check_id}]",
            ]
        if len(here) > SHOWN:
            lines.append(f"     … và {len(here) - SHOWN} chỗ nữa.")
    counts = ", ".join(
        f"{sum(one.severity == level for one in done.findings)} {title.lower()}"
        for level, title in LEVELS.items()
    )
    summary = counts if done.findings else "không thấy mâu thuẫn nào"
    return "\n".join([*lines, "", f"Đã đối chiếu {done.checked} quan hệ: {summary}."])


def audit_publication(publication_id: str) -> tuple[str, bool]:
    """The stored checks of a publication as text, and whether a critical one failed.

    Raises Failed when there is no such publication.
    """
    with (
        database.connect(database.PUBLISHER) as connection,
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        rows = cursor.execute(
            "select check_id, level, relation, unit_name, expected, found, passed, explanation"
            " from published.checks where publication_id = %s"
            " order by check_id, display_order nulls first",
            [publication_id],
        ).fetchall()
        withdrawal = withdrawals.of(connection, publication_id)
    if not rows:
        raise Failed(
            f"There is no publication {publication_id}, and no file of that name. Give the path of"
            " a report (.docx, .xlsx, .txt, .md), or a publication such as 2019-H1.r1."
        )
    failed = [row for row in rows if not row["passed"]]
    lines = [withdrawal.notice] if withdrawal else []
    lines.append(f"Kiểm tra đã lưu của {publication_id}")
    for level, title in LEVELS.items():
        here = [row for row in failed if row["level"] == level]
        if here:
            lines += ["", f"{title} ({len(here)})"]
        for row in here:
            lines += [
                f"  {row['check_id']} · {row['unit_name'] or 'mọi đơn vị'} · {row['relation']}",
                f"     có: {row['found']}; phải là: {row['expected']}. {row['explanation']}",
            ]
    relations = len({row["check_id"] for row in rows})
    broken = len({row["check_id"] for row in failed})
    lines += ["", f"{relations} quan hệ, {relations - broken} đúng, {broken} không đúng."]
    return "\n".join(lines), any(row["level"] == "critical" for row in failed)
