"""Paths inside a work tree: relative and with `/`; "" is the root."""


def parents(path: str) -> list[str]:
    """Return the folders that `path` lies in, the nearest first."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]


def folder_of(path: str) -> str:
    """Return the folder of a file; "" is the root."""
    return path.rpartition("/")[0]


def joined(*parts: str) -> str:
    """Join relative paths; "." and "" are the root."""
    return "/".join(part.strip("/") for part in parts if part not in ("", "."))


def beginning(folder: str) -> str:
    """Return what every path below a folder begins with; "" for the root."""
    return f"{folder}/" if folder else ""


def relative(folder: str, name: str) -> str:
    """Return the path that `name` means when a file in `folder` says it; `..` does not leave the tree."""
    parts = folder.split("/") if folder else []
    for part in name.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
