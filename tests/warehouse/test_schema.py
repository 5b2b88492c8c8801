"""What the roles may and may not do."""

import psycopg
import pytest

from motcua.warehouse import database, schema


def test_migrations_run_once(empty_database: str) -> None:
    assert schema.migrate()[0] == "0000_roles_and_schemas.sql"
    assert schema.migrate() == []


def test_session_works_as_its_role_in_the_time_zone_of_the_centre(warehouse: str) -> None:
    with database.connect(database.LOADER) as connection:
        row = connection.execute("select current_user, current_setting('timezone')").fetchone()
    assert row == ("motcua_loader", "Asia/Ho_Chi_Minh")


@pytest.mark.parametrize("column", ["chuhoso", "sodienthoai", "email", "diachi", "ghichu"])
def test_transformer_cannot_read_personal_columns(warehouse: str, column: str) -> None:
    with (
        database.connect(database.TRANSFORMER) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(f"select {column} from raw.cases")


@pytest.mark.parametrize("schema_name", ["raw", "reference", "ops", "core", "marts", "provisional"])
def test_bi_reader_sees_published_and_nothing_else(warehouse: str, schema_name: str) -> None:
    with database.connect(database.BI_READER) as connection:
        connection.execute("select * from published.latest_scorecard")
        allowed = connection.execute(
            "select has_schema_privilege('bi_reader', %s, 'usage')", [schema_name]
        ).fetchone()
    assert allowed == (False,)


ROLES = (
    *(database.LOADER, database.TRANSFORMER, database.PUBLISHER),
    *(database.BI_READER, database.OPS_READER),
)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("statement", ["update {} set {}", "delete from {}", "truncate {} cascade"])
def test_nobody_changes_what_is_published(warehouse: str, role: str, statement: str) -> None:
    with psycopg.connect(warehouse) as connection:
        tables = connection.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables"
            " where schemaname in ('published', 'evidence')"
        ).fetchall()
    assert len(tables) > 15
    with database.connect(role, autocommit=True) as connection:
        for (table,) in tables:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.format(table, "publication_id = publication_id"))


def test_not_even_the_administrator_changes_what_is_published(warehouse: str) -> None:
    with (
        psycopg.connect(warehouse) as connection,
        pytest.raises(psycopg.errors.RaiseException, match="insert-only"),
    ):
        connection.execute("delete from published.publications")
