"""An owner's variables in zoomdb: encrypted, each for its project and its name."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from dz.errors import InvalidName, StackProblem
from dz.tasklib import projects
from dz.tasklib.variables import stored
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import EnvVar

URL = "https://example.org/shop.git"


@pytest.fixture
def project(zoomdb: Zoomdb) -> int:
    return projects.ensure(zoomdb, name="shop", url=URL, ref="live").id


def test_variables_are_stored_replaced_and_removed_by_name(zoomdb: Zoomdb, project: int) -> None:
    stored.put(zoomdb, project, {"TOKEN": "one", "EMPTY": "", "LONG": "é\n" * 1000})
    stored.put(zoomdb, project, {"TOKEN": "two"})
    assert stored.of_project(zoomdb, project) == {"EMPTY": "", "LONG": "é\n" * 1000, "TOKEN": "two"}
    stored.remove(zoomdb, project, ["EMPTY", "LONG", "UNKNOWN"])
    assert stored.of_project(zoomdb, project) == {"TOKEN": "two"}


def test_a_value_is_not_readable_in_zoomdb_and_can_be_moved_to_no_other_project_or_name(
    zoomdb: Zoomdb, project: int
) -> None:
    other = projects.ensure(zoomdb, name="blog", url="https://example.org/blog.git", ref=None).id
    stored.put(zoomdb, project, {"TOKEN": "sk_live_12345"})
    with zoomdb.session() as session:
        sealed = session.scalars(select(EnvVar.value)).one()
        session.add(EnvVar(project_id=other, name="TOKEN", value=sealed))
        session.add(EnvVar(project_id=project, name="OTHER", value=sealed))
    assert b"sk_live_12345" not in sealed
    for victim in (other, project):
        with pytest.raises(StackProblem, match="cannot be decrypted"):
            stored.of_project(zoomdb, victim)


@pytest.mark.parametrize("name", ["LD_PRELOAD", "DZ_ALLOWED_HOSTS", "CONFIG_PG_PASSWORD", "PREFECT_API_KEY", "A B", ""])
def test_a_name_that_is_not_the_owners_to_set_refuses_all_that_came_with_it(
    zoomdb: Zoomdb, project: int, name: str
) -> None:
    with pytest.raises(InvalidName, match="cannot be set"):
        stored.put(zoomdb, project, {"FINE": "1", name: "2"})
    with pytest.raises(InvalidName, match="The value of TOKEN"):
        stored.put(zoomdb, project, {"FINE": "1", "TOKEN": "a\0b"})
    assert stored.of_project(zoomdb, project) == {}


def test_another_ref_of_the_same_source_gets_none_of_them(zoomdb: Zoomdb, project: int) -> None:
    stored.put(zoomdb, project, {"TOKEN": "x"})
    assert stored.of_source(zoomdb, URL, "live") == {"TOKEN": "x"}
    assert stored.of_source(zoomdb, URL, None) == stored.of_source(zoomdb, URL, "pull/1") == {}
    assert stored.of_source(zoomdb, "https://example.org/other.git", "live") == {}


def test_a_project_has_one_secret_key_however_many_ask_for_it_first(zoomdb: Zoomdb, project: int) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: stored.ensure_secret_key(zoomdb, project), range(8)))
    [key] = found
    assert len(key) >= 50
    assert stored.of_project(zoomdb, project) == {"SECRET_KEY": key}
    stored.put(zoomdb, project, {"SECRET_KEY": "the owner's"})
    assert stored.ensure_secret_key(zoomdb, project) == "the owner's"


def test_no_secret_key_is_made_for_a_project_that_is_not_there(zoomdb: Zoomdb) -> None:
    with pytest.raises(NoResultFound):
        stored.ensure_secret_key(zoomdb, 99)
