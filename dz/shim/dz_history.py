# mypy: ignore-errors
"""Says of each migration what it takes from code that is older than it; needs no database.

Runs in the project's interpreter: no imports but the standard library and Django, and old syntax.
"""

_OF_TABLES = {
    "DeleteModel": "loses",
    "RemoveField": "loses",
    "AddField": "breaks",
    "AlterField": "breaks",
    "RenameField": "breaks",
}
_BORNE = (
    "CreateModel",
    "AddIndex",
    "AddIndexConcurrently",
    "RemoveIndex",
    "RemoveIndexConcurrently",
    "RenameIndex",
    "AddConstraint",
    "AddConstraintNotValid",
    "ValidateConstraint",
    "RemoveConstraint",
    "AlterUniqueTogether",
    "AlterIndexTogether",
    "AlterModelOptions",
    "AlterModelManagers",
    "AlterModelTableComment",
    "CreateCollation",
)
"""Operations after which all that older models name is there as before, by the names of their classes."""
_OTHERS = {
    "RunPython": "rows",
    "RenameModel": "breaks",
    "AlterModelTable": "breaks",
    "AlterOrderWithRespectTo": "breaks",
}
_KINDS = dict(dict(_OF_TABLES, **_OTHERS), **dict.fromkeys(_BORNE, ""))
"""What operations take from older code, by the names of their classes; any other is unknown."""
_NOT_IN_THE_DATABASE = (
    "blank",
    "choices",
    "db_column",
    "db_comment",
    "default",
    "editable",
    "error_messages",
    "help_text",
    "limit_choices_to",
    "on_delete",
    "related_name",
    "related_query_name",
    "validators",
    "verbose_name",
)
"""Arguments of a field that no column knows; those of Django's Field.non_db_attrs, with `default` and `db_comment`."""
_INDEXES = ("db_index", "unique")


def told(loader):
    """Return for each migration a list of [kind, what it does], and the models after the last one.

    The kinds `loses`, `breaks`, `rows` and `unknown`: values are gone; code of before meets another table than it names; rows are changed by code of the
    project; nobody can tell. The list is empty where older code notices nothing.
    """
    from django.db.migrations.state import ProjectState

    real = loader.unmigrated_apps
    state = ProjectState(real_apps=real if isinstance(real, set) else set(real))
    found = {}
    for leaf in sorted(loader.graph.leaf_nodes()):
        for key in loader.graph.forwards_plan(leaf):
            name = "%s.%s" % key
            if name not in found:
                found[name] = []
                for operation in loader.graph.nodes[key].operations:
                    found[name] += _harms(operation, key[0], state)
                    operation.state_forwards(key[0], state)
    return found, state


def column(state, field):
    """Return what the database knows of a field."""
    from django.db.migrations.autodetector import MigrationAutodetector

    found = MigrationAutodetector(state, state).deep_deconstruct(field)
    if not isinstance(found, tuple):
        return found
    path, arguments, named = found
    return path, arguments, {name: value for name, value in named.items() if name not in _NOT_IN_THE_DATABASE}


def _harms(operation, label, state):
    kind = type(operation).__name__
    if kind == "SeparateDatabaseAndState":
        return [harm for inner in operation.database_operations for harm in _harms(inner, label, state)]
    harm = _KINDS.get(kind, "" if kind.endswith("Extension") else "unknown")
    if kind in _OF_TABLES:
        model = state.models.get((label, getattr(operation, "model_name", operation.name).lower()))
        if not _has_table(model) or _is_borne(kind, operation, model, state):
            harm = ""
    return [[harm, operation.describe()]] if harm else []


def _is_borne(kind, operation, model, state):
    if kind == "AddField":
        return _is_filled(operation.field)
    before = dict(model.fields).get(operation.name) if model and kind == "AlterField" else None
    return before is not None and _is_loosened(column(state, before), column(state, operation.field))


def _has_table(model):
    """Say whether a model, as a migration knows it, stands for a table of its own that migrations change."""
    return model is None or not (model.options.get("proxy") or model.options.get("managed") is False)


def _is_filled(field):
    """Say whether the database takes rows that say nothing of a field."""
    from django.db.models.fields import NOT_PROVIDED

    given = getattr(field, "db_default", NOT_PROVIDED) is not NOT_PROVIDED
    return field.null or field.many_to_many or given or getattr(field, "generated", False)


def _is_loosened(before, after):
    """Say whether a column takes all that it took before."""
    if not (isinstance(before, tuple) and isinstance(after, tuple)):
        return before == after
    if before[:2] != after[:2]:
        return False
    old, new = before[2], after[2]
    for name in set(old) | set(new):
        was, is_ = old.get(name), new.get(name)
        longer = name == "max_length" and (is_ is None or (was is not None and is_ >= was))
        if was != is_ and not (name in _INDEXES or longer or (name == "null" and is_)):
            return False
    return True
