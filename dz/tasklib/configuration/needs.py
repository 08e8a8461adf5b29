"""What a project needs that cannot be given to it here, known before anything is asked or installed."""

import ctypes.util
from collections.abc import Collection, Sequence

from dz.errors import INSTALL_GIS, DzError, MissingLibrary, UnsupportedDatabase
from dz.tasklib.detection import Inspection

_NAMES = {"mysql": "MySQL", "oracle": "Oracle", "mssql": "SQL Server"}
_LIBRARIES = {"GDAL": ("gdal",), "GEOS": ("geos_c",)}
"""Libraries that GeoDjango loads, and their names to the linker."""
_OWN_LIBRARIES = ("GDAL_LIBRARY_PATH", "GEOS_LIBRARY_PATH")
"""Variables by which a project brings these libraries itself."""


def unmet(inspection: Inspection, *, chosen: Collection[str], variables: Collection[str] = ()) -> DzError | None:
    """Return why a project cannot run here, for whoever can change that; None if nothing is known to be in its way.

    Args:
        chosen: keys that a configuration of the project sets; one that names a `database_type` has decided.
        variables: names of the environment variables that the owner has set.
    """
    if inspection.database in _NAMES and "database_type" not in chosen:
        return _other_database(inspection)
    known = {*variables, *(one.name for one in inspection.environment)}
    missing = missing_libraries() if inspection.gis and not known & set(_OWN_LIBRARIES) else []
    return _no_libraries(inspection, missing) if missing else None


def missing_libraries() -> list[str]:
    """Return those libraries of GeoDjango that this server lacks."""
    return [name for name, files in _LIBRARIES.items() if not any(map(ctypes.util.find_library, files))]


def _other_database(inspection: Inspection) -> DzError:
    name, basis = _NAMES[inspection.database or ""], _basis(inspection, "database")
    return UnsupportedDatabase(
        f"The project is written for {name} ({basis}), which is not offered: every site gets a PostgreSQL database.",
        "To run it on PostgreSQL, say `database_type = postgresql` under [project] in a zoombuild.cfg (in the repository, or "
        f"`dz deploy --config FILE`): Django makes the tables there. Data that lies in {name} does not come along, and SQL "
        "that is written by hand may have to be changed.",
    )


def _no_libraries(inspection: Inspection, missing: Sequence[str]) -> DzError:
    return MissingLibrary(
        f"The project uses GeoDjango ({_basis(inspection, 'settings_module')}), and this build server lacks {' and '.join(missing)}.",
        INSTALL_GIS,
    )


def _basis(inspection: Inspection, field: str) -> str:
    """Return the file and line that a guess comes from."""
    found = [guess.basis for guess in inspection.guesses if guess.field == field and guess.is_primary]
    return found[0] if found else str(inspection.settings_module)
