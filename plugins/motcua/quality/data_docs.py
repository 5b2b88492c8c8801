"""Data Docs: a page for every gate run and an index, static and readable without a network.

Great Expectations' own pages load their styles and scripts from six hosts and its list of runs is
drawn by one of those scripts; behind a closed network they stay empty. These hold what ops holds.
"""

import os
from html import escape
from pathlib import Path

from motcua import settings
from motcua.quality import gate_results
from motcua.warehouse.database import Connection

_LISTED_RUNS = 200

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid #767676; padding: .4rem .6rem; text-align: left; vertical-align: top; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
.passed { color: #0b6623; } .failed { color: #a30000; } .broken { color: #6a1b9a; }
@media (prefers-color-scheme: dark) {
  body { background: #16181d; color: #e8e8e8; } a { color: #8ab4f8; }
  .passed { color: #7ddc93; } .failed { color: #ff9a8f; } .broken { color: #d9a6f5; }
}
"""

_WORDS = {
    "passed": "đạt · passed",
    "failed": "không đạt · failed",
    "broken": "phép kiểm hỏng · the check is broken",
    "critical": "nghiêm trọng · critical",
    "warning": "cảnh báo · warning",
    "info": "thông tin · info",
    "landing": "cổng dữ liệu vào · landing",
    "candidate": "cổng trước công bố · candidate",
}


def folder() -> Path:
    """Where the pages lie."""
    return settings.home() / "data_docs"


def write(connection: Connection, gate_run_id: str) -> Path:
    """Write the page of a stored gate run and the index anew; returns the page."""
    place = folder()
    place.mkdir(parents=True, exist_ok=True)
    page = place / f"{gate_run_id}.html"
    _replace(page, _run_page(connection, gate_run_id))
    _replace(place / "index.html", _index_page(connection, place))
    return page


def _run_page(connection: Connection, gate_run_id: str) -> str:
    checks = gate_results.checks(connection, gate_run_id)
    rows = "".join(_check_row(check) for check in checks)
    return _page(
        f"{_WORDS[checks[0]['gate']]}: {checks[0]['subject']}",
        f"<p>{checks[0]['checked_at']:%d/%m/%Y %H:%M:%S} · <code>{escape(gate_run_id)}</code>"
        f' · <a href="index.html">tất cả · all runs</a></p>'
        "<table><thead><tr><th>Kết quả · Outcome</th><th>Mức · Severity</th>"
        "<th>Bộ kiểm · Suite</th><th>Quy tắc · Rule</th><th>Số dòng · Rows</th>"
        f"<th>Giải thích · Explanation</th></tr></thead><tbody>{rows}</tbody></table>",
    )


def _check_row(check: gate_results.Row) -> str:
    outcome, unexpected = check["outcome"], check["unexpected"]
    return (
        f'<tr><td class="{outcome}">{_WORDS[outcome]}</td><td>{_WORDS[check["severity"]]}</td>'
        f"<td>{escape(check['suite'])}</td><td>{escape(check['expectation'])}</td>"
        f"<td>{'' if unexpected is None else unexpected}</td>"
        f"<td><pre>{escape(check['explanation'])}</pre></td></tr>"
    )


def _index_page(connection: Connection, place: Path) -> str:
    runs = gate_results.runs(connection, _LISTED_RUNS)
    rows = "".join(_index_row(run, place) for run in runs)
    return _page(
        "Kiểm tra chất lượng dữ liệu · Data Docs",
        "<table><thead><tr><th>Thời điểm · When</th><th>Cổng · Gate</th>"
        "<th>Đối tượng · Subject</th><th>Số phép kiểm · Checks</th>"
        "<th>Nghiêm trọng · Critical</th><th>Cảnh báo · Warnings</th>"
        f"<th>Hỏng · Broken</th></tr></thead><tbody>{rows}</tbody></table>",
    )


def _index_row(run: gate_results.Row, place: Path) -> str:
    gate_run_id, name = run["gate_run_id"], escape(run["subject"])
    if (place / f"{gate_run_id}.html").is_file():
        name = f'<a href="{escape(gate_run_id)}.html">{name}</a>'
    numbers = (run[key] for key in ("checks", "critical", "warnings", "broken"))
    cells = "".join(f"<td>{number}</td>" for number in numbers)
    return (
        f"<tr><td>{run['checked_at']:%d/%m/%Y %H:%M}</td><td>{_WORDS[run['gate']]}</td>"
        f"<td>{name}</td>{cells}</tr>"
    )


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="vi"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )


def _replace(path: Path, text: str) -> None:
    """Write a page in one step, so that nobody reads half of it."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
