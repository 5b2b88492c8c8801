"""Persons are recognised under a key, and without it their pseudonyms tell nothing."""

import hashlib
import hmac
import threading

import pytest
from export_files import csv_of, rating

from motcua import settings
from motcua.errors import Failed
from motcua.landing import ingest, pseudonyms
from motcua.warehouse import database

DAY, NEXT = "ratings_2019-03-04.csv", "ratings_2019-03-05.csv"


def press(**changes):
    return rating(1, **changes)


def digests(rows):
    return rows(
        "select macanbo, noidung, personal_digest, officer from raw.ratings order by row_id"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_press_has_the_hmac_of_who_and_what(encoding, put, rows):
    text = csv_of([press(MaCanBo="CB1", NoiDung="tốt"), press(MaCanBo=" cb1 "), press()], "ratings")
    put(DAY, text.decode().encode(encoding))
    ingest.ingest()
    secret = bytes.fromhex(settings.key_file().read_text())

    def expected(text):
        return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()[:32]

    first, second, third = digests(rows)
    assert first[2:] == (expected("CB1\x1ftốt"), expected("cb1"))
    assert second[3] == first[3]
    assert second[2] not in (None, first[2])
    assert third == (None, None, None, None)


def test_equal_presses_of_two_files_have_one_digest(put, rows):
    put(DAY, csv_of([press(MaCanBo="CB1")], "ratings"))
    ingest.ingest()
    put(NEXT, csv_of([press(MaCanBo="CB1"), press(MaCanBo="CB2")], "ratings"))
    ingest.ingest()
    first, again, other = [row[2] for row in digests(rows)]
    assert first == again != other


def test_the_key_is_private_and_made_once(warehouse):
    made = []
    makers = [threading.Thread(target=lambda: made.append(pseudonyms.key())) for _ in range(8)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert len(made) == 8
    assert len(set(made)) == 1
    path = settings.key_file()
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.glob(f".{path.name}*")) == []


@pytest.mark.parametrize("content", ["", "abc", "zz" * 32])
def test_a_damaged_key_file_is_refused(content, warehouse):
    settings.key_file().write_text(content)
    settings.key_file().chmod(0o600)
    with pytest.raises(Failed, match="does not hold a key"):
        pseudonyms.key()


def test_a_key_that_others_can_read_is_refused(warehouse):
    pseudonyms.key()
    settings.key_file().chmod(0o640)
    with pytest.raises(Failed, match="chmod 600"):
        pseudonyms.key()


def test_another_key_is_refused_until_a_person_accepts_it(put, rows):
    put(DAY, csv_of([press(MaCanBo="CB1")], "ratings"))
    ingest.ingest()
    settings.key_file().unlink()
    put(NEXT, csv_of([press(MaCanBo="CB1")], "ratings"))
    with pytest.raises(Failed, match="not the key under which persons were recognised") as told:
        ingest.ingest()
    assert settings.key_file().read_text() not in str(told.value)
    assert ingest.ingest(new_key=True).loaded == 1
    first, second = [row[2] for row in digests(rows)]
    assert first != second
    put("ratings_2019-03-06.csv", csv_of([press(MaCanBo="CB1")], "ratings"))
    assert ingest.ingest().loaded == 1


def test_presses_loaded_before_there_were_pseudonyms_get_them(put, rows):
    put(DAY, csv_of([press(MaCanBo="CB1", NoiDung="tốt"), press()], "ratings"))
    ingest.ingest()
    written = digests(rows)
    with database.connect(database.LOADER) as loader:
        loader.execute("update raw.ratings set personal_digest = null, officer = null")
        loader.execute("update raw.files set key_id = null")
    assert (pseudonyms.complete(), pseudonyms.complete()) == (1, 0)
    assert digests(rows) == written
