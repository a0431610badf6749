"""Opening, creating and migrating the database."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from labline_backend.home import Home, HomeError
from labline_backend.store.database import HEAD, insert
from labline_backend.store.migrations import upgrade
from labline_backend.store.runs import RunStore
from labline_backend.store.schema import metadata
from tests.backend.store.samples import RUN


def schema(path: Path) -> dict[str, list[tuple]]:
    """The columns, keys and indexes of a database's tables."""
    with closing(sqlite3.connect(path)) as connection:
        names = [n for (n,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        found = {}
        for name in names:
            found[name] = [*connection.execute(f"PRAGMA table_info({name})")]
            found[name] += [*connection.execute(f"PRAGMA foreign_key_list({name})")]
            for index, unique in sorted(row[1:3] for row in connection.execute(f"PRAGMA index_list({name})")):
                found[name] += [(unique, column) for *_, column in connection.execute(f"PRAGMA index_info({index})")]
        return found


def migrated(path: Path) -> None:
    """Make a database by running all revisions."""
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        upgrade(connection)
    engine.dispose()


def test_all_revisions_together_give_the_tables_that_a_new_database_has(home: Home, store: RunStore) -> None:
    other = home.root / "migrated.db"
    migrated(other)
    assert schema(other) == schema(home.database)


def test_the_newest_revision_is_the_one_that_new_databases_have(tmp_path: Path) -> None:
    migrated(tmp_path / "migrated.db")
    with closing(sqlite3.connect(tmp_path / "migrated.db")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (HEAD,)


def test_a_new_database_is_its_owners_alone_in_a_folder_that_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    home = Home.open(folder)
    store = RunStore(home)
    store.create(RUN)
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.glob("labline.db*")}
    store.close()
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize(("times", "library"), [(1, "alembic"), (2, "sqlalchemy")])
def test_opening_a_database_does_not_import_what_it_does_not_need(tmp_path: Path, times: int, library: str) -> None:
    script = (
        "import sys; from pathlib import Path; from labline_backend.home import Home\n"
        "from labline_backend.store.runs import RunStore\n"
        "RunStore(Home.open(Path(sys.argv[1]))).close()\n"
        "print(sys.argv[2] in sys.modules)"
    )
    for _ in range(times):
        command = [sys.executable, "-c", script, str(tmp_path / "home"), library]
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def test_a_database_that_is_behind_is_migrated(home: Home) -> None:
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.commit()
    store = RunStore(home)
    store.create(RUN)
    assert store.get(RUN.id) == RUN
    store.close()


def test_a_run_of_the_first_version_can_still_be_read(home: Home, tmp_path: Path) -> None:
    store = RunStore(Home.open(tmp_path / "new"))
    store.create(RUN)
    engine = sa.create_engine(f"sqlite:///{home.database}")
    with engine.begin() as connection:
        upgrade(connection, "0001")
    with engine.begin() as old, store._database.read() as new:
        columns = [column["name"] for column in sa.inspect(old).get_columns("runs")]
        (row,) = new.execute("SELECT * FROM runs")
        old.execute(sa.insert(metadata.tables["runs"]).values({name: row[name] for name in columns}))
    engine.dispose()
    store.close()
    store = RunStore(home)
    assert store.get(RUN.id) == RUN
    store.close()


def test_a_database_of_a_newer_version_is_refused_and_left_alone(home: Home) -> None:
    RunStore(home).close()
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = schema(home.database)
    with pytest.raises(HomeError, match=r"was written by a newer Labline \(revision 9999\): upgrade Labline"):
        RunStore(home)
    assert schema(home.database) == before


def test_a_damaged_database_is_said_in_a_sentence(home: Home) -> None:
    home.database.write_bytes(b"not a database" * 100)
    with pytest.raises(HomeError, match="is damaged"):
        RunStore(home)


def test_an_empty_database_beside_runs_is_not_taken_for_a_new_one(home: Home) -> None:
    home.run_folder("one").mkdir()
    home.database.write_bytes(b"")
    with pytest.raises(HomeError, match=r"labline\.db is empty, though .*runs holds runs"):
        RunStore(home)


def test_without_a_database_there_is_a_new_one_beside_runs(home: Home) -> None:
    home.run_folder("one").mkdir()
    with closing(RunStore(home)) as store:
        assert store.facts() == []


def test_a_database_that_is_a_folder_is_said_in_a_sentence(home: Home) -> None:
    home.database.mkdir()
    with pytest.raises(HomeError, match="cannot be written"):
        RunStore(home)


def test_processes_that_open_a_new_data_folder_at_once_all_succeed(home: Home) -> None:
    script = (
        "import sys; from pathlib import Path; from labline_backend.home import Home\n"
        "from labline_backend.store.runs import RunStore\n"
        "store = RunStore(Home.open(Path(sys.argv[1]))); print(store.latest_event()); store.close()"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(home.root)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [process.communicate()[0] for process in started] == ["0\n"] * 4


def test_the_tables_refuse_a_step_without_its_run(store: RunStore, home: Home) -> None:
    with pytest.raises(sqlite3.IntegrityError), store._database.write() as connection:
        insert(connection, "events", {"time": 0, "run": "none", "kind": "run", "data": "{}"})


def test_a_database_that_was_taken_away_is_not_written_on_unseen(store: RunStore, home: Home) -> None:
    home.database.rename(home.root / "elsewhere.db")
    with pytest.raises(HomeError, match="was removed, or another put in its place"):
        store.create(RUN)
    (home.root / "elsewhere.db").rename(home.database)
    store.create(RUN)
