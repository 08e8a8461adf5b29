"""Finds queries for which PostgreSQL reads a whole table that grows with the number of projects."""

import contextlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import event

from dz.zoomdb import Zoomdb

SMALL = {"server", "alembic_version"}
"""Tables that stay small enough to be read whole: 100 servers."""


@contextlib.contextmanager
def whole_tables_read(zoomdb: Zoomdb) -> Iterator[set[str]]:
    """Yield a set that gets each query of the block for which PostgreSQL reads a whole table that grows."""
    found: set[str] = set()
    asked: dict[str, Any] = {}

    def remember(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        if statement.lstrip().lower().startswith(("select", "update", "delete")):
            asked[statement] = parameters[0] if isinstance(parameters, list) else parameters

    event.listen(zoomdb._engine, "before_cursor_execute", remember)  # noqa: SLF001  nobody else needs the engine
    try:
        yield found
    finally:
        event.remove(zoomdb._engine, "before_cursor_execute", remember)  # noqa: SLF001
    with zoomdb.session() as session:
        connection = session.connection()
        for statement, parameters in asked.items():
            rows = connection.exec_driver_sql(f"explain (format json) {statement}", parameters)
            for table in _sequential(rows.scalar_one()):
                if table not in SMALL:
                    found.add(f"{table}: {' '.join(statement.split())}")


def _sequential(plan: Any) -> Iterator[str]:
    if isinstance(plan, dict) and plan.get("Node Type") == "Seq Scan":
        yield plan["Relation Name"]
    inside = plan.values() if isinstance(plan, dict) else plan if isinstance(plan, list) else ()
    for part in inside:
        yield from _sequential(part)
