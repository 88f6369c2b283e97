"""Migrations: an empty database becomes what the nouns declare, nothing is left to migrate, a newer one is refused."""

import datetime

import pytest
import sqlalchemy as sa
from alembic import command, script

from vipool.model import attr, role
from vipool.store import rows, schema, session, tables


@pytest.fixture
def engine(tmp_path):
    found = session.open_engine(session.sqlite_url(tmp_path / "test.db"))
    yield found
    found.dispose()


def test_the_migrations_make_what_the_nouns_declare(engine):
    with engine.begin() as connection:
        command.upgrade(schema.config(connection), "head")
    with engine.begin() as connection:
        command.check(schema.config(connection))  # raises when a column, table or index differs
    found = set(sa.inspect(engine).get_table_names())
    assert found == {*tables.metadata.tables, "alembic_version"}


def test_a_new_database_is_what_the_migrations_would_make_of_it(engine):
    assert schema.upgrade(engine)
    with engine.begin() as connection:
        command.check(schema.config(connection))
    assert schema.current(engine) == schema.newest()


def row(engine, name):
    """The least row of a table: something in every column that must have a value."""
    columns = sa.inspect(engine).get_columns(name)
    values = {sa.JSON: "{}", sa.Boolean: True, sa.Integer: 1, sa.Float: 1.0, sa.DateTime: "2026-01-01", sa.Text: "x"}

    def value(kind):
        return next(each for cls, each in values.items() if isinstance(kind, cls))

    return {each["name"]: value(each["type"]) for each in columns if not each["nullable"]}


OLDER = [f"{number:04d}" for number in range(1, int(schema.newest()))]


@pytest.mark.parametrize("revision", OLDER)
def test_what_an_older_database_holds_outlives_the_migrations(engine, revision):
    with engine.begin() as connection:
        command.upgrade(schema.config(connection), revision)
    held = {name: row(engine, name) for name in sa.inspect(engine).get_table_names() if name != "alembic_version"}
    with engine.begin() as connection:
        for name, values in held.items():
            columns = ", ".join(values)
            places = ", ".join(f":{each}" for each in values)
            connection.execute(sa.text(f"INSERT INTO {name} ({columns}) VALUES ({places})"), values)
    assert schema.upgrade(engine)
    assert schema.current(engine) == schema.newest()
    with engine.connect() as connection:
        for cls, table in tables.TABLES.items():
            found = connection.execute(sa.select(table)).all()
            assert len(found) == (1 if table.name in held else 0), table.name
            for each in found:
                for attribute in attr.attributes(cls):
                    value = getattr(each, attribute.name)
                    new = attribute.name not in held[table.name] and not (attribute.optional or attribute.required)
                    assert not new or value == attr.jsonable(attribute.default), (table.name, attribute.name)


def test_roles_given_before_there_were_groups_stay_the_users(engine):
    given = (
        "INSERT INTO role_assignments (id, user_id, scope, scope_id, role_id) VALUES ('a', 'u', 'project', 'p', 'r')"
    )
    with engine.begin() as connection:
        command.upgrade(schema.config(connection), "0001")
        connection.execute(sa.text(given))
    schema.upgrade(engine)
    with engine.connect() as connection:
        kept = connection.execute(sa.select(tables.TABLES[role.Assignment])).one()
    assert rows.noun(role.Assignment, kept) == role.Assignment(
        id="a", actor=role.Actor.USER, actor_id="u", scope=role.Scope.PROJECT, scope_id="p", role_id="r"
    )


def test_a_database_at_the_newest_revision_is_left_alone(engine):
    schema.upgrade(engine)
    assert schema.current(engine) == schema.newest()
    assert not schema.upgrade(engine)


def test_a_database_of_a_newer_vipool_is_refused(engine):
    schema.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(schema.TooNew, match="use the version that made it"):
        schema.upgrade(engine)


def test_the_revisions_form_one_line_in_the_order_of_their_numbers(engine):
    with engine.begin() as connection:
        directory = script.ScriptDirectory.from_config(schema.config(connection))
        numbers = [each.revision for each in directory.walk_revisions()]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[0] == schema.newest()


def test_a_migrated_database_can_be_written_to(tmp_path):
    database = session.Database(
        session.sqlite_url(tmp_path / "test.db"),
        clock=lambda: datetime.datetime(2026, 1, 1),
    )
    schema.upgrade(database.engine)
    database.seed()
    with database.write() as held:
        assert held.revision() == 2
    database.close()
