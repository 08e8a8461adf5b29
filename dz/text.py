"""Text of others on its way to people."""


def printable(text: str) -> str:
    """Drop control characters, which could steer a terminal or a web page; line ends and tabs stay."""
    return "".join(c for c in text if c in "\n\t" or (c >= " " and not "\x7f" <= c <= "\x9f"))
