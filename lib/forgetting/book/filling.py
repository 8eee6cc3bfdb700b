"""Running a notebook, its Markdown cells being filled with what code cells have defined so far."""

import ast
from typing import Any

import nbformat
from nbclient import NotebookClient
from traitlets import Unicode

from forgetting.book import prose
from forgetting.errors import UserError

IN_KERNEL = "__import__('forgetting.book.prose', fromlist=['prose'])"


class FillingClient(NotebookClient):
    """Executes code cells, and fills each Markdown cell when it is reached.

    Markdown that stands before the parameters is filled after the first cell that follows them,
    and a cell tagged `summary` or `predict`, which says what the page found, after the last of all.
    """

    page = Unicode(help="The page, for messages.")
    edition = Unicode(help="The edition, under whose names figures and tables are displayed.")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._found: dict[str, dict[str, set[Any]]] = {}

    @property
    def said(self) -> dict[str, dict[str, Any]]:
        """What the names in the text stood for: texts ("as_text") and truths ("as_condition").

        A name that stood for two different things on one page is left out.
        """
        return {
            kind: {
                name: value
                for name, values in sorted(of.items())
                for value in values
                if len(values) == 1
            }
            for kind, of in self._found.items()
        }

    async def async_execute_cell(
        self, cell: nbformat.NotebookNode, cell_index: int, *args: Any, **options: Any
    ) -> nbformat.NotebookNode:
        """Execute one cell, as the parent class does, or fill it."""
        result = await super().async_execute_cell(cell, cell_index, *args, **options)
        first = next(
            (
                place
                for place, other in enumerate(self.nb.cells)
                if other.cell_type == "code" and "parameters" not in other.metadata.get("tags", [])
            ),
            len(self.nb.cells) - 1,
        )
        reached = range(first + 1) if cell_index == first else [cell_index] * (cell_index > first)
        for place in reached:
            if self.nb.cells[place].cell_type == "markdown" and not self._is_filled_last(place):
                await self._fill(self.nb.cells[place], place)
        if cell_index == len(self.nb.cells) - 1:
            for place in filter(self._is_filled_last, range(len(self.nb.cells))):
                await self._fill(self.nb.cells[place], place)
        return result

    def _is_filled_last(self, place: int) -> bool:
        return not {"summary", "predict"}.isdisjoint(self.nb.cells[place].metadata.get("tags", []))

    async def _fill(self, cell: nbformat.NotebookNode, place: int) -> None:
        cell.source = prose.drop_absent(cell.source, self.nb, edition=self.edition)
        names = prose.names_in(cell.source)
        if not names:
            return
        kinds = {
            (kind, name): f"{IN_KERNEL}.{kind}({name})"
            for name in names
            for kind in ("as_text", "as_condition")
        }
        replies = await self._evaluate({str(key): text for key, text in kinds.items()})

        def value(kind: str, name: str) -> Any:
            reply = replies[str((kind, name))]
            if reply["status"] == "error":
                raise UserError(
                    f"notebooks/{self.page}.md, cell {place + 1}: `{name}` {reply['evalue']}"
                )
            return ast.literal_eval(reply["data"]["text/plain"])

        for kind, name in kinds:
            if replies[str((kind, name))]["status"] == "ok":
                self._found.setdefault(kind, {}).setdefault(name, set()).add(value(kind, name))
        cell.source = prose.fill(
            cell.source,
            lambda name: value("as_text", name),
            lambda name: value("as_condition", name),
        )

    async def _evaluate(self, expressions: dict[str, str]) -> dict[str, Any]:
        """Return what the kernel replies to some expressions; this changes nothing in it."""
        client: Any = self.kc
        request = client.execute("", silent=True, store_history=False, user_expressions=expressions)
        reply = await client.get_shell_msg(timeout=self.timeout)
        while reply["parent_header"].get("msg_id") != request:
            reply = await client.get_shell_msg(timeout=self.timeout)
        found: dict[str, Any] = reply["content"]["user_expressions"]
        return found
