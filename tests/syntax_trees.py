"""Reads what a module calls, for the tests that look through the product's syntax trees."""

import ast


def imported_names(tree: ast.AST) -> dict[str, str]:
    """Return the full name behind each name that a module imports."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def called_name(node: ast.Call, imported: dict[str, str]) -> str:
    """Return the full name of what a call calls, as far as imports tell."""
    head, _, rest = ast.unparse(node.func).partition(".")
    return ".".join(filter(None, (imported.get(head, head), rest)))
