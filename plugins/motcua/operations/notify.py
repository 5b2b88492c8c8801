"""Tells the units of their late cases and bad ratings of a month: workbooks in a folder, and mail.

Twice the same run gives the same files, and the same contents go to an address once.
"""

import csv
import re
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from motcua import settings
from motcua.documents import notice_facts, notices
from motcua.documents.notice_facts import Facts
from motcua.documents.notices import CENTRE, Notice
from motcua.errors import Failed, Interrupted
from motcua.operations import alerts
from motcua.operations.alerts import MailServer
from motcua.warehouse import database, schema
from motcua.warehouse.runs import recorded

ADDRESS = re.compile(r"[^\s@,;<>\"]+@[^\s@,;<>\"]+")
COLUMNS = ["unit_code", "address"]

Addresses = dict[str, list[str]]

_NOTE = """
    insert into ops.notices (month, recipient, address, content_sha256, known_as_of)
    values (%s, %s, %s, %s, %s)
    on conflict do nothing
"""


class Told(NamedTuple):
    """What a run did: workbooks written, mails (recipient, address) that went out now."""

    workbooks: list[Path]
    mailed: list[tuple[str, str]]


def month_before(moment: datetime | None) -> str:
    """The month before that of a moment, by the calendar of the Centre. Raises Failed for none."""
    if moment is None:
        raise Failed("Name the month in the parameter `month`, such as 2019-06.")
    local = moment.astimezone(ZoneInfo(settings.TIME_ZONE))
    return f"{local.replace(day=1) - timedelta(days=1):%Y-%m}"


@recorded("notify_units")
def notify_units(
    month: str, known_as_of: date | None = None, mail: MailServer | None = None
) -> Told:
    """Write the notices of a month, and mail those whose recipients have an address.

    month: such as 2019-06. known_as_of: the day up to which business dates count, by default four
    days after the month. mail: None when no mail server is known. Raises Failed before anything is
    written when the month or the addresses are wrong, Refused when the data do not hold the month,
    and Interrupted when the mail server did not take all: started again, it mails the rest.
    """
    schema.migrate()
    facts = notice_facts.read(notice_facts.month(month), known_as_of)
    addresses = read_addresses(facts.codes)
    made = {
        notice.recipient: (notice, notices.write(notice, facts, settings.notices()))
        for notice in notices.of_month(facts)
    }
    paths = [path for _, path in made.values()]
    print(
        f"{month}, as known on {facts.known_as_of}: {sum(len(unit.late) for unit in facts.units)}"
        f" late cases, {sum(len(unit.bad) for unit in facts.units)} bad ratings;"
        f" {len(paths)} workbooks in {paths[0].parent}."
    )
    return Told(paths, _mail(facts, made, addresses, mail))


def read_addresses(units: Collection[str]) -> Addresses:
    """Who gets notices by mail, from the csv of the settings; a recipient may have several rows.

    units: codes that a row may name beside CENTRE, who gets the summary. Raises Failed that names
    every wrong row with file, line and column.
    """
    path = settings.unit_addresses()
    if path is None:
        print("No mail goes out: MOTCUA_UNIT_ADDRESSES names no file of addresses.")
        return {}
    found: Addresses = {}
    problems = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            rows = csv.reader(handle, strict=True)
            if (header := next(rows, [])) != COLUMNS:
                problems.append(f"line 1: the columns are {', '.join(header)}")
            for row in rows if not problems else ():
                line = f"line {rows.line_num}"
                if not row:
                    continue
                if len(row) != len(COLUMNS):
                    problems.append(f"{line}: {len(row)} values instead of two")
                    continue
                code, address = (text.strip() for text in row)
                if code != CENTRE and code not in units:
                    problems.append(f"{line}, column unit_code: {code!r} is no unit")
                elif not ADDRESS.fullmatch(address):
                    problems.append(f"{line}, column address: {address!r} is no mail address")
                elif address in found.setdefault(code, []):
                    problems.append(f"{line}, column address: {code} has {address} already")
                else:
                    found[code].append(address)
    except (OSError, UnicodeError, csv.Error) as error:
        raise Failed(
            f"{path} cannot be read: {error}. MOTCUA_UNIT_ADDRESSES names a csv in UTF-8 with the"
            " columns unit_code and address."
        ) from error
    if problems:
        listed = "\n".join(f"  {path}, {problem}" for problem in problems)
        raise Failed(
            f"Nothing is written or mailed, because addresses are wrong:\n{listed}\nThe columns are"
            f" unit_code (a unit of the reference pack, or {CENTRE} for the summary) and address;"
            " mend the rows and start again."
        )
    return found


def _mail(
    facts: Facts,
    made: Mapping[str, tuple[Notice, Path]],
    addresses: Addresses,
    server: MailServer | None,
) -> list[tuple[str, str]]:
    """Mail every notice to its addresses, unless it went there before with the same contents."""
    if not addresses:
        return []
    if server is None:
        print(
            "No mail goes out: the mail server is Airflow's connection"
            f" {settings.smtp_connection()}, which the DAG notify_units reads."
        )
        return []
    sent, failures = [], []
    for recipient, (notice, path) in made.items():
        for address in addresses.get(recipient, ()):
            try:
                if _mail_once(facts, notice, path, address, server):
                    sent.append((recipient, address))
            except Exception as error:  # whatever it is, the other notices go out
                failures.append(f"{recipient} ({alerts.harmless(error)})")
    print(f"{len(sent)} mails went out.")
    if failures:
        raise Interrupted(
            f"The mail server did not take the notices of {', '.join(failures)}. Check the"
            f" connection {settings.smtp_connection()} and the addresses, then start the same"
            " again: what went out is not sent twice."
        )
    return sent


def _mail_once(facts: Facts, notice: Notice, path: Path, address: str, server: MailServer) -> bool:
    """Note and send in one transaction, so that neither another run nor a retry sends it too."""
    who = [str(facts.month), notice.recipient, address]
    with database.connect(database.PUBLISHER) as connection:
        earlier = connection.execute(
            "select from ops.notices where month = %s and recipient = %s and address = %s", who
        ).fetchone()
        noted = connection.execute(_NOTE, [*who, notice.content_sha256, facts.known_as_of])
        if not noted.rowcount:
            return False
        replaces = "Bản này thay bản đã gửi trước đó.\n\n" if earlier is not None else ""
        attachment = {path.name: path.read_bytes()}
        alerts.send_mail(server, [address], notice.headline, replaces + notice.body, attachment)
    return True
