"""Reads settings as Python would run them on a deployed site that has set no variables, without running anything.

An `Evaluator` walks the syntax trees of the settings module and of what it imports from the project. For each node it
looks up the handler of the node's type, in the two tables of `handlers`; a handler is a function of the evaluator, the
node and the scope, and evaluates the parts of its node through the evaluator again. Only literals, paths, plain
operations on texts and lists, and reads of the environment are followed. Everything else is UNKNOWN, and a statement of
a type without a handler is skipped. Steps, depth and sizes are bounded.

A read of a variable is answered as if nobody had set it. Where Python would then raise, a `Failure` names the variables
to blame: inside `try` or a function it goes up to who handles it; at the top level it makes them required, and reading
goes on. Settings and entries of dicts remember the variables that they were made from.

Where to look:
    reading          the way in: `read(modules, name)` gives a `Reading`
    evaluator        the walk, where it is at, and what it found; `handlers` has the tables
    literals, operators, attributes, calls                                       expressions
    statements, assignments, branches, exceptions, functions, classes, imports   statements
    variables        the environment, what was asked of it; `stages`: variables that name production
    failures         exceptions and who is to blame; `origins`: the variables behind a setting
    natives          which names of other packages are imitated; `packages`: how their calls are
    dotenv, dynaconf, pydantic_settings, configurations, split_settings          one package or kind of file each
    values           kinds of values; `allowlist`: what may be done with them; `bounds`, `budget`: how much of it
    missing_files    files that the settings need and the repository lacks
    unreached        reads of the environment in code that an import does not reach
"""

from dz.tasklib.detection.reader.reading import Reading, read

__all__ = ["Reading", "read"]
