"""Syntax trees of Python source, including source for Python 2."""

import ast
import re
import warnings


def parsed(text: str) -> ast.Module | None:
    """Return the syntax tree of source for Python 3, or None."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def modernised(text: str) -> str:
    """Return source for Python 2 with everything replaced that Python 3 cannot parse."""
    if len(text) > 300_000 or any(len(line) > 5000 for line in text.splitlines()):
        return text
    text = re.sub(r"(?m)^([ \t]*)print\b(?![ \t]*[(=.])(.*)$", r"\1pass", text)
    text = re.sub(r"(?m)^([ \t]*)print[ \t]*\(.*\)[ \t]*%.*$", r"\1pass", text)
    text = re.sub(
        r"(?m)^([ \t]*except\b[^:,\n]*[^:,\n)]|[ \t]*except[ \t]*\([^)\n]*\)),[ \t]*(\w+)[ \t]*:", r"\1 as \2:", text
    )
    text = re.sub(r"(?m)^([ \t]*)exec[ \t]+.*$", r"\1pass", text)
    text = re.sub(r"(?m)^([ \t]*raise[ \t]+[\w.]+),[ \t]*(.+)$", r"\1(\2)", text)
    text = re.sub(r"\bur(['\"])", r"r\1", text)
    text = re.sub(r"\b0([0-7]{2,})\b(?!['\"])", r"0o\1", text)
    text = re.sub(r"\b(\d+)L\b", r"\1", text)
    return text.replace("<>", "!=").expandtabs(8)


def source(node: ast.AST) -> str:
    """Return the source of a syntax tree; "" if it is nested too deeply."""
    try:
        return ast.unparse(node)
    except RecursionError:
        return ""
