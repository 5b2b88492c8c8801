"""People with a browser: one sees what runs, reads the three pages and takes the workbook, and one
who may sign approves a publication.

Chromium is the system's. Without one this is skipped, but fails where CI is set. The screenshots
go to the folder of MOTCUA_SCREENSHOTS.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import psycopg
import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect, sync_playwright

import needed
import server_data
from commands import done, end_of, until
from motcua.operations import airflow, airflow_setup, local, rest
from motcua.warehouse import database, schema, server
from motcua_sample import write_sample

pytestmark = pytest.mark.slow

PATIENCE = 30_000
"""Milliseconds that a page may take on a busy machine."""


@pytest.fixture
def browser() -> Iterator[Browser]:
    path = needed.program("chromium", "chromium", "chromium-browser")
    # Chromium has no sandbox for root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """PostgreSQL and Airflow of their own, with the first quarter of 2019 published."""
    monkeypatch.setenv("MOTCUA_HOME", str(tmp_path / "home"))
    for setting in ("WAREHOUSE_URL", "LANDING", "PUBLICATIONS"):  # `published` sets them
        monkeypatch.delenv(f"MOTCUA_{setting}", raising=False)
    record, _ = server.up()
    schema.migrate()
    write_sample(tmp_path / "home" / "landing")
    done("ingest")
    done("build")
    done("publish", "2019-Q1", "--approved-by", "Nguyễn Văn A")
    try:
        local.up(lambda text: None)
        yield tmp_path / "home"
    finally:
        local.down()
        server_data.delete(record)


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("MOTCUA_SCREENSHOTS") or tmp_path / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_a_person_logs_in_sees_what_runs_reads_the_pages_and_takes_the_workbook(
    browser: Browser, installation: Path, screenshots: Path, tmp_path: Path
) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)

    page.goto(f"{airflow.url()}/scorecard/publications")
    expect(page).to_have_url(re.compile("/auth/login"))
    log_in(page, "viewer")  # reading asks for no more
    expect(page.get_by_role("heading", level=1, name="Công bố")).to_be_visible()

    see_dags_and_assets(page, screenshots)
    read_publications(page, screenshots, tmp_path)
    read_data(page, screenshots)
    read_models(page, screenshots)
    refused = [text for text in complaints if "Content Security Policy" in text]
    assert not refused, "our own pages break their own policy"

    approver = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    approver.set_default_timeout(PATIENCE)
    approve_a_publication(approver, screenshots, tmp_path)


def log_in(page: Page, user: str) -> None:
    password = json.loads(airflow_setup.password_file().read_text())[user]
    page.locator("input[name=username]").fill(user)
    page.locator("input[name=password]").fill(password)
    page.locator("button[type=submit]").click()


def see_dags_and_assets(page: Page, screenshots: Path) -> None:
    page.goto(f"{airflow.url()}/dags")
    for name in ("2. Dựng kho dữ liệu", "3. Công bố kết quả một kỳ báo cáo"):
        expect(page.get_by_role("link", name=name).first).to_be_visible()
    page.screenshot(path=screenshots / "dags.png")
    page.goto(f"{airflow.url()}/assets")
    for name in ("warehouse_marts", "warehouse_published"):
        expect(page.get_by_text(name).first).to_be_visible()
    page.screenshot(path=screenshots / "assets.png")


def framed(page: Page, name: str) -> FrameLocator:
    """One of our pages inside the UI, by its entry in the navigation."""
    page.goto(airflow.url())
    page.get_by_role("link", name=name, exact=True).click()
    frame = page.frame_locator(f"iframe[title='{name}']")
    expect(frame.get_by_role("heading", level=1, name=name)).to_be_visible()
    return frame


def read_publications(page: Page, screenshots: Path, tmp_path: Path) -> None:
    frame = framed(page, "Công bố")
    expect(frame.locator("[id='2019-Q1']")).to_contain_text("Đã công bố")
    page.screenshot(path=screenshots / "publications.png")
    frame.get_by_role("link", name="2019-Q1.r1").click()
    expect(frame.get_by_role("definition").get_by_text("Nguyễn Văn A")).to_be_visible()
    page.screenshot(path=screenshots / "publication.png")

    taken = downloaded(page, frame, "2019-Q1.r1.xlsx", tmp_path)
    sheet = openpyxl.load_workbook(taken).worksheets[0]
    printed = {row[1]: row[2] for row in sheet.iter_rows(values_only=True) if row[1]}
    with psycopg.connect(database.url()) as connection:
        received = connection.execute(
            "select unit_name, received from published.scorecard"
            " where publication_id = '2019-Q1.r1'"
        ).fetchall()
    assert len(received) == 16
    for unit_name, number in received:
        assert printed[unit_name] == number
        row = frame.locator("#scorecard tbody tr").filter(
            has=frame.get_by_role("rowheader", name=unit_name, exact=True)
        )
        expect(row.get_by_role("cell").nth(1)).to_have_text(f"{number:,}".replace(",", "."))

    frame.get_by_role("link", name="English").click()
    expect(frame.get_by_role("heading", name="Sign-off")).to_be_visible()
    frame.locator("#scorecard").scroll_into_view_if_needed()
    page.screenshot(path=screenshots / "publication_english.png")
    frame.locator("#checks").scroll_into_view_if_needed()
    page.screenshot(path=screenshots / "checks.png")


def read_data(page: Page, screenshots: Path) -> None:
    frame = framed(page, "Dữ liệu")
    expect(frame.locator("#feeds tbody tr")).to_have_count(8)
    expect(frame.locator("#days")).to_contain_text("11/07/2019")
    page.screenshot(path=screenshots / "data.png")


def read_models(page: Page, screenshots: Path) -> None:
    frame = framed(page, "Mô hình")
    expect(frame.locator("#models")).to_contain_text("fct_cases")
    expect(frame.locator("#tests")).to_be_visible()
    page.screenshot(path=screenshots / "models.png")


def downloaded(page: Page, frame: FrameLocator, name: str, folder: Path) -> Path:
    with page.expect_download() as download:
        frame.get_by_role("link", name=name).click()
    taken = folder / download.value.suggested_filename
    download.value.save_as(taken)
    return taken


def approve_a_publication(page: Page, screenshots: Path, tmp_path: Path) -> None:
    """From the list of what waits to the workbook of what was approved."""
    api = airflow.api()
    run_id = rest.trigger(api, "publish_scorecard", {"period": "2019-Q2"})
    until(lambda: next(iter(rest.approvals(api, "publish_scorecard", run_id)), None))

    page.goto(f"{airflow.url()}/required_actions")
    log_in(page, "admin")
    page.get_by_role("link", name=re.compile("Quý II năm 2019")).first.click()
    expect(page.get_by_role("row", name=re.compile("Sở Công Thương 762 667"))).to_be_visible()
    page.screenshot(path=screenshots / "sign_off.png", full_page=True)
    expect(page.get_by_text("Ý kiến của người phê duyệt")).to_be_visible()
    page.locator("[name=element_words]").fill("Đồng ý công bố")
    page.get_by_role("button", name="Approve").click()
    end = end_of(api, "publish_scorecard", run_id)
    assert end == "success", airflow.task_log("publish_scorecard", run_id)

    frame = framed(page, "Công bố")
    expect(frame.locator("[id='2019-Q2']")).to_contain_text("Đã duyệt: admin")
    page.screenshot(path=screenshots / "approved.png")
    frame.get_by_role("link", name="2019-Q2.r1").click()
    expect(frame.get_by_role("definition").get_by_text("Đồng ý công bố")).to_be_visible()
    taken = downloaded(page, frame, "2019-Q2.r1.xlsx", tmp_path)
    assert openpyxl.load_workbook(taken).worksheets
