"""Hundreds of broken files end in the state that the contract says, and stop no other."""

import mutator
import pytest
from export_files import case, csv_of

from motcua.landing import ingest

SEED = 1216
GOOD = 5


@pytest.fixture
def broken(put, landing):
    """The broken files, laid into the landing zone between good ones."""
    files = {file.name: file for file in mutator.corpus(SEED)}
    for file in files.values():
        if file.content is None:
            (landing / file.feed / file.name).mkdir(parents=True)
        else:
            path = landing / file.feed / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
    for day in range(1, GOOD + 1):
        put(f"cases_2025-01-{day:02}.csv", csv_of([case(number) for number in range(7)]))
    return files


def test_every_broken_file_ends_as_the_contract_says_and_good_ones_load(broken, rows):
    assert len(broken) >= 200
    assert len({(file.what, file.form) for file in broken.values()}) > 80
    report = ingest.ingest()

    manifest = {
        name: counts
        for name, *counts in rows(
            "select file_name, state, records, loaded, rejected from raw.files"
        )
    }
    expected = {
        file.name: [
            file.state,
            file.records,
            file.records - len(file.rejects) if file.state == mutator.LOADED else 0,
            len(file.rejects) if file.state == mutator.LOADED else file.records,
        ]
        for file in broken.values()
        if file.state != mutator.IGNORED
    }
    good = {f"cases_2025-01-{day:02}.csv": ["loaded", 7, 7, 0] for day in range(1, GOOD + 1)}
    assert manifest == expected | good

    told: dict[str, dict[int, tuple[str | None, str]]] = {}
    for name, record, column, reason, next_step in rows(
        "select file_name, record, column_name, r.reason, next_step"
        " from raw.rejects as r inner join raw.files as f on f.file_id = r.file_id"
    ):
        assert next_step
        told.setdefault(name, {})[record] = (column, reason)
    for name, file in broken.items():
        found = told.get(name, {})
        assert {record: column for record, (column, _) in found.items()} == {
            record: column for record, (column, _) in file.rejects.items()
        }, (name, file.what)
        for record, (_, reason) in file.rejects.items():
            assert reason in found[record][1], (name, file.what)

    messages = {message.partition(": ")[0]: message for message in report.messages}
    for name, file in broken.items():
        if file.state == mutator.QUARANTINED:
            assert messages[name].startswith(f"{name}: quarantined. "), file.what
            assert file.reason in messages[name], file.what
        if file.state == mutator.LOADED and file.rejects:
            first = min(file.rejects)
            assert f"{len(file.rejects)} of {file.records} records rejected" in messages[name]
            assert f"the first: record {first}" in messages[name]
        if file.warning:
            place = name.partition("/")[0]
            assert any(place in said and file.warning in said for said in report.warnings), file

    stored = rows("select reason, warnings::text from raw.files")
    shown = [*report.messages, *report.warnings, *(str(line) for line in (*stored, told))]
    for value in mutator.PERSONAL:
        assert not [said for said in shown if value in said]

    for feed in {file.feed for file in broken.values()}:
        assert (
            rows(
                f"select f.file_name from raw.files as f where f.feed = '{feed}' and f.loaded <>"
                f" (select count(*) from raw.{feed} as r where r.row_id >> 32 = f.file_id)"
            )
            == []
        )

    again = ingest.ingest()
    assert (again.loaded, again.quarantined, again.messages) == (0, 0, [])
    assert again.unchanged == len(manifest)


def test_the_same_seed_gives_the_same_files():
    first, second = (list(mutator.corpus(7, rounds=1)) for _ in range(2))
    assert [(f.name, f.state) for f in first] == [(f.name, f.state) for f in second]
