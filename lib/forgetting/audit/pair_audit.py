"""One audit of many: what it was made from, as a digest, and its report, as bytes.

A report that is made on another machine is made by the same function from the same bytes: they
travel there in a parcel, and the report comes back as it would lie in its folder here.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from forgetting.audit.request import AuditRequest
from forgetting.audit.table_files import named
from forgetting.errors import UserError
from forgetting.files import library_identity, read_folder, sha256
from forgetting.text import quoted


class Pair(NamedTuple):
    """A pair of models, or several settings, to be audited under a name.

    Attributes:
        name: of the pair and of its folder.
        row: its number in the table.
        request: what is audited, as `forgetting audit` would.
    """

    name: str
    row: int
    request: AuditRequest


class Answer(NamedTuple):
    """What came of a pair.

    Attributes:
        files: content of the report's files, by path below its folder.
        problem: why there is none, in one line.
    """

    files: dict[str, bytes]
    problem: str = ""


class Parcel(NamedTuple):
    """A request with all that it reads.

    Attributes:
        request: with paths as they are here.
        contents: of each path the files by path below it, "" where it is a file itself.
    """

    request: AuditRequest
    contents: dict[Path, dict[str, bytes]]


def audit_pair(request: AuditRequest) -> Answer:
    """Audit, and return the report that `forgetting audit` would write.

    Args:
        request: what is audited.
    """
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        try:
            request.write(report)
        except UserError as error:
            return Answer({}, str(error))
        except OSError as error:
            return Answer({}, f"{error.strerror or error} ({named(Path(error.filename or ''))})")
        except Exception as error:  # One pair that nobody foresaw must not stop a thousand others.
            return Answer({}, f"{type(error).__name__}: {' '.join(str(error).split())}")
        return Answer(read_folder(report))


def packed(request: AuditRequest) -> Parcel | Answer:
    """Return a request with all that it reads, or what is wrong where that cannot be read.

    Args:
        request: what is to be audited elsewhere.
    """
    if request.images is not None:
        return Answer({}, "pictures do not travel to a cluster: leave images out, or audit here")
    contents = {}
    for path in request.inputs():
        try:
            contents[path] = read_folder(path)
        except FileNotFoundError:
            continue  # The audit says so there as it does here.
        except OSError as error:
            return Answer({}, f"{error.strerror} ({named(path)})")
    return Parcel(request, contents)


def audit_parcel(parcel: Parcel) -> Answer:
    """Audit where a parcel has come to.

    Args:
        parcel: of `packed`. Messages name the files as they are called where it was packed.
    """
    with TemporaryDirectory() as folder:
        places = {}
        for number, path in enumerate(dict.fromkeys(parcel.request.inputs())):
            places[path] = Path(folder) / str(number) / path.name
            for name, content in parcel.contents.get(path, {}).items():
                file = places[path] / name if name else places[path]
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
        answer = audit_pair(parcel.request.moved(places))
        problem = answer.problem
        for path, place in places.items():
            for say in (named, quoted, str):
                problem = problem.replace(say(place), say(path))
        return answer._replace(problem=problem)


def audit_sent(sent: tuple[Pair, Parcel | Answer]) -> Answer:
    """Audit a pair on a worker.

    Args:
        sent: the pair, and what `packed` made of it.
    """
    _, content = sent
    return content if isinstance(content, Answer) else audit_parcel(content)


def digest(request: AuditRequest, known: dict[Path, str]) -> str:
    """Return what identifies a report: its inputs, its options and the library that makes it.

    Args:
        request: what is audited.
        known: digests of files and folders that were read before, which several pairs may share;
            those read here are added.
    """
    without = replace(request, images=None)
    for path in without.inputs():
        if path not in known:
            known[path] = _content(path)
    options = _jsonable(asdict(without), known)
    words = json.dumps([library_identity(), options], ensure_ascii=False)
    looks = [] if request.images is None else _listing(request.images)
    return sha256(f"{words} {looks}".encode())


def _jsonable(value: Any, known: Mapping[Path, str]) -> Any:
    """A value as JSON has it; instead of paths, names and digests: where files lie is no matter."""
    if isinstance(value, Path):
        return [value.name, known[value]]
    if isinstance(value, Mapping):
        return {str(name): _jsonable(each, known) for name, each in value.items()}
    return [_jsonable(each, known) for each in value] if isinstance(value, list | tuple) else value


def _content(path: Path) -> str:
    """The digest of a file, or of all files in a folder."""
    try:
        parts = {name: sha256(content) for name, content in read_folder(path).items()}
    except OSError:  # The audit will say so.
        return ""
    return sha256(json.dumps(parts).encode())


def _listing(folder: Path) -> list[tuple[str, int, int]]:
    """Names, sizes and times of pictures, of which there may be too many to read them all."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return [
        (file.relative_to(folder).as_posix(), file.stat().st_size, file.stat().st_mtime_ns)
        for file in files
    ]
