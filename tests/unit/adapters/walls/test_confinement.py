"""What a confinement says reaches the launcher whole."""

from pathlib import Path

from dz.adapters.walls import confinement
from dz.adapters.walls.confinement import Confinement, Network
from dz.adapters.walls.limits import Limits


def test_it_comes_back_from_its_text_as_it_was() -> None:
    whole = Confinement(
        argv=("a", "b c"),
        cwd=Path("/x"),
        python=Path("/usr/bin/python3"),
        user=(7, 8),
        reads=(Path("/r"),),
        writes=(Path("/w"),),
        network=Network(open=(("db", 5432),), hosts=("pypi.org",), internet=True, closed=("1.2.3.4",)),
        listen=("127.0.0.1", 80),
        limits=Limits(memory_bytes=7, cpus=1.5),
        bwrap=Path("/b"),
        patience=3,
    )
    least = Confinement(("a",), Path("/x"), Path("/p"))
    assert [Confinement.from_json(one.to_json()) for one in (whole, least)] == [whole, least]


def test_the_users_of_the_machine_are_not_shown() -> None:
    users = confinement.etc_files(65534, 65534)["/etc/passwd"].splitlines()
    assert [line.split(":")[2] for line in users] == ["0", "65534"]
