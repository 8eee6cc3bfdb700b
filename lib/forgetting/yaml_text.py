"""YAML that people write: 5e-4 is a number, and a key stands once."""

import re
from pathlib import Path
from typing import Any

import yaml

from forgetting.errors import UserError
from forgetting.text import listed, quoted

MOST_LETTERS = 200  # of a reason in a message
# YAML 1.2 has these numbers; PyYAML follows 1.1, which wants a point and a sign.
WITH_EXPONENT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$")


class _RepeatedKeyError(Exception):
    """A key stands twice in one mapping; the text says which and where."""


class _Loader(yaml.SafeLoader):
    """Plain values only, as `yaml.safe_load` reads them, but for the two rules above."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Read a value, which may be another one again, but not one that it is a part of."""
        node: yaml.Node | None = super().compose_node(parent, index)
        if node is not None and node.end_mark is None:
            raise yaml.YAMLError(f"the value of line {node.start_mark.line + 1} contains itself")
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Read a mapping as it is written, before what `<<` takes over stands in it."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        keys: dict[tuple[str, str], yaml.ScalarNode] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if (first := keys.setdefault((key.tag, key.value), key)) is not key:
                lines = [one.start_mark.line + 1 for one in (first, key)]
                raise _RepeatedKeyError(
                    f"the key {quoted(key.value)} is given twice, in lines {listed(lines)}"
                )
        return node


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", WITH_EXPONENT, list("-+.0123456789"))


def read_yaml(file: Path, *, source: str, fix: str) -> Any:
    """Read a YAML file.

    Args:
        file: its path.
        source: what it is called in messages.
        fix: what to do if it is not YAML, for the message.

    Raises:
        UserError: it is not YAML in UTF-8, or gives a key twice.
        FileNotFoundError: there is none.
    """
    try:
        return yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except _RepeatedKeyError as error:
        raise UserError(f"{source}: {error}; give it once") from None
    except (yaml.YAMLError, UnicodeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:MOST_LETTERS]
        raise UserError(f"{source} is not YAML ({reason}); {fix}") from None
