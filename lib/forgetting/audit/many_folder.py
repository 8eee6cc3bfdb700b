"""The folder of many audits: a report for each pair, what each was made from, and a summary.

index.html, audits.csv, audits.parquet, summary.json    over all pairs
reports/NAME/                                           what `forgetting audit` writes
done/NAME.json                                          what that report was made from
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forgetting.audit.pair_audit import Answer, Pair
from forgetting.audit.report_folder import FIRST_FILES, check_report_folder
from forgetting.errors import UserError
from forgetting.files import sha256, write_files, write_text
from forgetting.text import quoted

TABLE = "audits"
WRITTEN = (*FIRST_FILES, f"{TABLE}.csv", f"{TABLE}.parquet")


class ManyFolder:
    """Where the reports of many pairs lie.

    Args:
        folder: which need not be there yet.
        inputs: files that are read for the reports.

    Raises:
        UserError: it is a file, or holds files that would be overwritten and are not of such a
            folder.
    """

    def __init__(self, folder: Path, *, inputs: Sequence[Path] = ()):
        self.folder = folder
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{quoted(folder)} is a file: give a folder for the reports")
        read, ours = {path.resolve() for path in inputs}, self._is_ours()
        for path in (folder / name for name in WRITTEN):
            if path.resolve() in read or (path.exists() and not ours):
                raise UserError(
                    f"the summary would overwrite {quoted(path.name)}, which is there and not of "
                    "many audits: give a folder of its own"
                )

    def _is_ours(self) -> bool:
        try:
            return "pairs" in json.loads((self.folder / FIRST_FILES[0]).read_text("utf-8"))
        except (OSError, ValueError):
            return False

    def report(self, pair: Pair) -> Path:
        """Return the folder of a pair's report."""
        return self.folder / "reports" / pair.name

    def _record(self, pair: Pair) -> Path:
        return self.folder / "done" / f"{pair.name}.json"

    def _recorded(self, pair: Pair) -> dict[str, Any]:
        """What is known of a report that is there, or was begun: its files and their digests."""
        try:
            record = json.loads(self._record(pair).read_text("utf-8"))
            known = {"digest": record["digest"], "files": dict(record["files"])}
            # What is no longer of a report is deleted: nothing outside of it, whoever wrote this.
            report = self.report(pair).resolve()
            inside = all(
                (report / name).resolve().is_relative_to(report) for name in known["files"]
            )
        except (OSError, ValueError, KeyError, TypeError):
            inside = False
        return known if inside else {"digest": "", "files": {}}

    def is_done(self, pair: Pair, digest: str) -> bool:
        """Whether a pair's report is there, whole, and was made from the same.

        Args:
            pair: the pair.
            digest: of what it is made from.
        """
        record = self._recorded(pair)
        if record["digest"] != digest:
            return False
        try:
            return all(
                sha256((self.report(pair) / name).read_bytes()) == content
                for name, content in record["files"].items()
            )
        except OSError:
            return False

    def check(self, pair: Pair) -> None:
        """Refuse to write over files that no audit wrote, as `forgetting audit` does.

        Raises:
            UserError: there are such files where the report belongs.
        """
        inputs = [path for path in pair.request.inputs() if path != pair.request.images]
        known = bool(self._recorded(pair)["files"])
        check_report_folder(self.report(pair), inputs=inputs, known=known)

    def write(self, pair: Pair, digest: str, answer: Answer) -> None:
        """Write a report; only then is it recorded as done.

        Args:
            pair: the pair.
            digest: of what the report was made from.
            answer: its files.
        """
        before, folder = self._recorded(pair)["files"], self.report(pair)
        files = {name: sha256(content) for name, content in answer.files.items()}
        self._write_record(pair, "", before | files)
        write_files(folder, answer.files)
        for name in set(before) - set(files):  # What an earlier audit left there would mislead.
            (folder / name).unlink(missing_ok=True)
        self._write_record(pair, digest, files)

    def _write_record(self, pair: Pair, digest: str, files: dict[str, str]) -> None:
        text = json.dumps({"digest": digest, "files": files}, indent=1, sort_keys=True)
        write_text(self._record(pair), text + "\n")
