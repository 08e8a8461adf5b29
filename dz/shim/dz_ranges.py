# mypy: ignore-errors
"""The header Range of a request, as RFC 9110 defines it."""

import re

MOST = 16
"""Parts of one answer; who asks for more gets the whole file."""
_PART = re.compile(r"(\d{0,18})-(\d{0,18})\Z", re.ASCII)


def wanted(header, size):
    """Return the ranges of a file that a header asks for, as pairs of first and last byte.

    None: the header is to be ignored, as it has another unit or is not understood; an empty list: none of the ranges is
    in the file.
    """
    unit, _, listed = (header or "").partition("=")
    words = [word.strip() for word in listed.split(",") if word.strip()]
    matches = [_PART.match(word) for word in words]
    if unit.strip().lower() != "bytes" or not words or len(words) > MOST:
        return None
    found = []
    for match in matches:
        if match is None or match.group(0) == "-":
            return None
        first, last = match.groups()
        if first and last and int(last) < int(first):
            return None
        start = int(first) if first else max(0, size - int(last))
        end = min(int(last), size - 1) if first and last else size - 1
        if start <= end and (first or int(last)):
            found.append((start, end))
    # Parts that overlap would make an answer longer than the file.
    return None if sum(end - start + 1 for start, end in found) > size else found
