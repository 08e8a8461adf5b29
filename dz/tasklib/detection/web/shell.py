"""Start commands as a shell would read them: words, simple commands, and variables as far as they are known."""

import itertools
import re
import shlex
from collections.abc import Iterator, Mapping

_MARK = re.compile("\ue000([^\ue001]*)\ue001")
_SYNTAX = " \t();|&<>'\"\\#"
_HIDDEN = {ord(letter): chr(0xE100 + ord(letter)) for letter in _SYNTAX}
_SHOWN = {ord(hidden): chr(letter) for letter, hidden in _HIDDEN.items()}
_ARITHMETIC = re.compile(r"\$\(\(((?:[^()]|\([^()]*\)){0,200})\)\)")
_SUBSTITUTION = re.compile(r"\$\(([^()\n]{0,200})\)|`([^`\n]{0,200})`")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?:(:?[-=])([^}]{0,200}))?\}|([A-Za-z_]\w*))")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_KEYWORDS = {"export", "if", "then", "else", "elif", "do", "while", "until", "!", "{", "time"}
_MOST_LINES, _LONGEST_LINE = 1_000, 4_000


def marked(reason: str) -> str:
    """Return what stands for a value that only a running program knows, in a text for a shell.

    Args:
        reason: what it depends on.
    """
    return f"\ue000{reason.translate(_HIDDEN)}\ue001"


def unknown(text: str) -> str | None:
    """Return what a value depends on; None if it is known."""
    match = _MARK.search(text)
    return match[1].translate(_SHOWN) if match else None


def expanded(text: str, known: Mapping[str, str]) -> str:
    """Return a text with its variables filled in; what is not known is marked with what it depends on.

    A script can double a variable in every line, so that what is filled in is bounded.
    """
    room = _LONGEST_LINE

    def variable(match: re.Match[str]) -> str:
        name = match[1] or match[4]
        value = known.get(name)
        if value is None or (not value and match[2] and match[2].startswith(":")):
            return marked(name) if match[2] is None else match[3]
        nonlocal room
        room -= len(value)
        return value if room >= 0 else marked(name)

    text = _ARITHMETIC.sub(lambda match: marked(match[0]), text)
    text = _SUBSTITUTION.sub(lambda match: marked(match[0]), text)
    return _VARIABLE.sub(variable, text)


def commands(text: str, known: Mapping[str, str]) -> Iterator[tuple[int, dict[str, str], list[str]]]:
    """Yield line number, variables and words of each simple command of a script; its assignments count from there on."""
    variables = dict(known)
    for number, line in _lines(text):
        for written in _simple(expanded(line, variables)):
            words = list(itertools.dropwhile(_KEYWORDS.__contains__, written))
            own: dict[str, str] = {}
            while words and (match := _ASSIGNMENT.fullmatch(words[0])):
                own[match[1]] = match[2]
                del words[0]
            if words:
                yield number, {**variables, **own}, words
            else:
                variables |= own


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield logical lines with the number of their first physical line."""
    begun, parts = 1, list[str]()
    for number, line in enumerate(text.splitlines()[:_MOST_LINES], 1):
        if not parts:
            begun = number
        bare = line.rstrip()[:_LONGEST_LINE]
        parts.append(bare.removesuffix("\\"))
        if not bare.endswith("\\"):
            yield begun, " ".join(parts)[:_LONGEST_LINE]
            parts = []
    if parts:
        yield begun, " ".join(parts)[:_LONGEST_LINE]


def _simple(line: str) -> Iterator[list[str]]:
    words: list[str] = []
    skip = False
    for token in _tokens(line):
        if set(token) <= set(";|&()"):
            if words:
                yield words
            words = []
        elif set(token) <= set("<>&"):
            skip = True
        elif skip:
            skip = False
        else:
            words.append(token)
    if words:
        yield words


def _tokens(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&()<>")
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:  # a quotation that goes on in the next line
        return line.split()
