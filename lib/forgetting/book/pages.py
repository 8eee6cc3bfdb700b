"""Makes the book's pages: runs text notebooks with checked parameters, skips what is up to date, and binds the book.

A text notebook (notebooks/NAME.md) becomes an executed one (book/pages/NAME.ipynb). The same notebook, parameters, study, predictions and
library give the same bytes: what varies from run to run (times, random ids, versions of the kernel) is stripped.
"""

import functools
import hashlib
import html
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import forgetting
from forgetting import paths, predictions
from forgetting import study as studies
from forgetting.book import notebooks
from forgetting.book import parameters as params
from forgetting.book.notebooks import BOOK, Edition, Page, names, read
from forgetting.book.parameters import Parameter, parse_assignments
from forgetting.errors import UserError, did_you_mean
from forgetting.files import display_path
from forgetting.predictions import archive
from forgetting.study import Study

__all__ = [
    "bind",
    "build",
    "check",
    "editions",
    "names",
    "needed_sparsities",
    "parse_assignments",
    "provenance",
    "read",
    "resolve",
    "run",
    "stage",
]

GENERATED = ("pages", "tables", "_build", "archive")


def check(name: str, given: dict[str, object]) -> dict[str, object]:
    """Every parameter of page `name`: as given, or its default.

    Raises:
        UserError: an unknown name, a wrong type, a value out of range; no kernel has been started by then.
    """
    return params.check(read(name).parameters, given, where=f"page {name}")


def resolve(
    name: str, *, study: str | Path, parameters: dict[str, object] | None = None
) -> dict[str, object]:
    """The parameters that page `name` runs with: its defaults, the study's `common` ones, the study's own for this page, the given ones.

    Args:
        study: name or path of a study; it becomes the parameter `study`.

    Raises:
        UserError: as `check`; also where `study` is among the given.
    """
    page, said = read(name), studies.load_study(study).pages
    own = {
        key: value for key, value in said.get("common", {}).items() if key in page.parameters
    } | said.get(name, {})
    for source, words in ((own, "the study file"), (parameters or {}, "the given parameters")):
        if "study" in source:
            raise UserError(
                f"parameter study is {source['study']!r} in {words}; give the study itself, as STUDY={source['study']}"
            )
    return params.check(
        page.parameters, own | (parameters or {}) | {"study": str(study)}, where=f"page {name}"
    )


def _check_study(study: Study) -> None:
    """Refuse a study that speaks of a page, or to all pages of a parameter, that does not exist."""
    for page in study.pages:
        if page not in (*names(), "common"):
            hint = did_you_mean(page, [*names(), "common"])
            raise UserError(
                f"study {study.name}: pages.{page} is no page; allowed: common, {', '.join(names())}{hint}"
            )
    known = sorted({parameter for page in names() for parameter in read(page).parameters})
    for parameter, value in study.pages.get("common", {}).items():
        if parameter not in known:
            raise UserError(
                f"study {study.name}: pages.common.{parameter} ({value!r}) is read by no page{did_you_mean(parameter, known)}"
            )


def needed_sparsities(values: dict[str, object]) -> tuple[float, ...]:
    """The levels of sparsity that a page with these parameters reads: those of `sparsity` and `sparsities`, above 0, each once."""
    found = [values.get("sparsity"), *(values.get("sparsities") or [])]
    return tuple(dict.fromkeys(float(level) for level in found if level))


def editions() -> dict[str, list[str]]:
    """The pages of the book, by edition: those of its own study under "", those of a further study under the study's name.

    The table of contents (book/_toc.yml) says it: `pages/exemplars` is of the book's own study, `pages/cifar10/exemplars` of cifar10.

    Raises:
        UserError: the table of contents names a page or a study that does not exist.
    """
    found: dict[str, list[str]] = {"": []}
    for entry in re.findall(
        r"^\s*(?:- file|root):\s*pages/(\S+)\s*$",
        (paths.book / "_toc.yml").read_text(encoding="utf-8"),
        re.MULTILINE,
    ):
        study, _, page = entry.rpartition("/")
        if page not in names() or study not in ("", *studies.study_names()):
            raise UserError(
                f"book/_toc.yml: pages/{entry} is no page of a study; write pages/PAGE or pages/STUDY/PAGE"
            )
        found.setdefault(study, []).append(page)
    return found


def _edition(name: str) -> Edition:
    if not name:
        return BOOK
    found = editions()
    again = [
        page
        for page in found[name]
        if next(edition for edition, chosen in found.items() if page in chosen) != name
    ]
    return Edition(
        name,
        f"({studies.load_study(name).title})",
        tuple(label for page in again for label in notebooks.sections(page)),
    )


def run(
    name: str,
    *,
    study: str | Path,
    parameters: dict[str, object] | None = None,
    out: Path | None = None,
) -> Path:
    """Run page `name` and write the executed notebook; it appears whole or not at all.

    Args:
        study: name or path of a study. parameters: overrides the notebook's and the study's.
        out: where it goes, by default book/pages/NAME.ipynb, or the study's own place in the book if it has one.

    Returns:
        Where it went.

    Raises:
        UserError: a parameter that is not allowed (before a kernel starts); or a cell that fails, writes to stderr, or shows an image without
            alt text or what differs from run to run. An earlier page stays as it was.
    """
    own = str(study) if out is None and name in editions().get(str(study), []) else ""
    out = out or paths.pages(own) / f"{name}.ipynb"
    notebooks.execute(
        name, resolve(name, study=study, parameters=parameters), out, edition=_edition(own)
    )
    return out


def build(
    pages: Iterable[str],
    *,
    study: str | Path,
    edition: str = "",
    jobs: int = 2,
    parameters: dict[str, object] | None = None,
) -> None:
    """Make `pages`, `jobs` at a time; a page whose notebook, parameters, study, predictions and library are unchanged is skipped.

    Args:
        pages: names of pages. study: name or path of a study. edition: which of `editions` they belong to. parameters: for each page.

    Raises:
        UserError: as `run`; pages that do not fail are made all the same.
    """
    pages, loaded = list(pages), studies.load_study(study)
    _check_study(loaded)
    values = {name: resolve(name, study=study, parameters=parameters) for name in pages}
    keys = {name: _key(name, values[name], loaded, edition) for name in pages}
    stale = [name for name in pages if not _up_to_date(_note(name, edition), keys[name])]
    if len(stale) < len(pages):
        print(
            f"up to date: {', '.join(_place(name, edition) for name in pages if name not in stale)}",
            flush=True,
        )
    failures = {}
    # Processes, not threads: papermill changes the working folder while it runs. Spawned: torch may have threads by now.
    with ProcessPoolExecutor(
        max(1, min(jobs, len(stale))), mp_context=get_context("spawn")
    ) as pool:
        waiting = {
            pool.submit(_make, name, values[name], keys[name], edition): name for name in stale
        }
        for done in as_completed(waiting):
            failures |= {waiting[done]: error} if (error := done.exception()) else {}
            print(f"{'failed' if error else 'made'}: {_place(waiting[done], edition)}", flush=True)
    for error in failures.values():
        if isinstance(error, BrokenProcessPool):
            raise UserError(
                f"the process that made {' or '.join(failures)} was killed, perhaps for want of memory; free some and try again"
            )
        if not isinstance(error, UserError):
            raise error
    if failures:
        raise UserError("; ".join(str(failures[name]) for name in sorted(failures)))
    _one_page_a_table()


def _place(name: str, edition: str) -> str:
    return f"{edition}/{name}" if edition else name


def _make(name: str, values: dict[str, object], key: str, edition: str) -> None:
    """Run a page and note what it was made of and what it made."""
    out, note = paths.pages(edition) / f"{name}.ipynb", _note(name, edition)
    note.unlink(missing_ok=True)
    tables = notebooks.execute(name, values, out, edition=_edition(edition))
    files = [out, *(paths.tables(edition) / f"{table}.csv" for table in tables)]
    made = {str(file.relative_to(paths.built())): _digest(file.read_bytes()) for file in files}
    notebooks.write(note, json.dumps({"key": key, "made": made}, indent=1))


def _note(name: str, edition: str) -> Path:
    """Beside the page, not in it: the key holds times of change, and two machines' pages shall be equal."""
    return paths.pages(edition) / f".{name}.json"


def _up_to_date(note: Path, key: str) -> bool:
    try:
        note = json.loads(note.read_text())
        return note["key"] == key and all(
            _digest((paths.built() / file).read_bytes()) == digest
            for file, digest in note["made"].items()
        )
    except (OSError, ValueError, KeyError):
        return False


def _one_page_a_table() -> None:
    owner = {}
    for note in sorted(paths.pages().rglob(".*.json")):
        for file in json.loads(note.read_text())["made"]:
            if file in owner:
                raise UserError(
                    f"{file} is written by two pages, {owner[file]} and {note.stem[1:]}; give one table another name"
                )
            owner[file] = note.stem[1:]


def _key(name: str, values: dict[str, object], study: Study, edition: str) -> str:
    """A word that changes when anything does that page `name` is made of."""
    words = [
        read(name).text,
        str(_edition(edition)),
        json.dumps(values),
        json.dumps(study.model_dump(mode="json", exclude={"pages"}), sort_keys=True),
        predictions.study_fingerprint(study.with_changes(sparsities=needed_sparsities(values))),
        *(predictions.study_fingerprint(other) for other in _others(values)),
        _library(),
    ]
    return _digest("\0".join(words).encode())


def _others(values: dict[str, object]) -> list[Study]:
    """The further studies that a page with these parameters reads: each that a list of texts names."""
    listed = [
        word
        for value in values.values()
        if isinstance(value, list)
        for word in value
        if isinstance(word, str)
    ]
    return [studies.load_study(word) for word in listed if word in studies.study_names()]


@functools.cache
def _library() -> str:
    """A word for all that pages are made with: this package right of the seam, the claims, the versions of what it stands on."""
    package = Path(forgetting.__file__).parent
    sources = (
        file
        for file in package.rglob("*.py")
        if file.relative_to(package).parts[0] not in ("train", "cli.py")
    )
    claims = (file for file in paths.claims.rglob("*") if file.is_file())
    lock = [file for file in [package.parent / "requirements.lock"] if file.exists()]
    return _digest(
        "".join(
            f"{file.name} {_digest(file.read_bytes())}\n"
            for file in [*sorted(sources), *sorted(claims), *lock]
        ).encode()
    )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def provenance(name: str, namespace: dict[str, object]) -> None:
    """Display the box "how this page was made": `pages.provenance("exemplars", globals())` is a notebook's last cell.

    It says the study and its hash, the parameters in words, seeds, data and library version, and offers the notebook for download.
    No time, date or path, so that two runs are equal.

    Args:
        name: the page. namespace: where its parameters' values are found by name.
    """
    from IPython.display import HTML, display

    page, study = read(name), studies.load_study(namespace["study"])
    edition, up = paths.edition(), paths.above()
    text = json.dumps(study.model_dump(mode="json", exclude={"pages"}), sort_keys=True)
    items = "".join(
        f"<dt><code>{html.escape(f'{key} = {_shown(key, namespace[key])}')}</code></dt><dd>{html.escape(_in_words(parameter))}</dd>\n"
        for key, parameter in page.parameters.items()
    )
    display(
        HTML(
            f'<div class="admonition note made">\n<p class="admonition-title">How this page was made</p>\n'
            f"<p>Study <strong>{html.escape(study.title)}</strong> (<code>{study.name}</code>, {_digest(text.encode())[:12]}): "
            f"{study.members} networks in each population; data {study.data.name}, seed {study.data.seed}; training seed {study.seed}, from "
            f"which, with its setting and number, each network's own seed derives. Library: forgetting {forgetting.__version__}.</p>\n"
            f"{_archived(study, up)}{_elsewhere(name, edition, up)}"
            f"<p>Parameters:</p>\n<dl>\n{items}</dl>\n"
            f"<p>Make it again, with these or other parameters: <code>{html.escape(_command(page, namespace))}</code></p>\n"
            f'<p>Download: <a href="{up}notebooks/{name}.md" download>text notebook</a>, '
            f'<a href="{up}notebooks/{_place(name, edition)}.ipynb" download>executed notebook</a>.</p>\n</div>'
        )
    )


def _archived(study: Study, up: str) -> str:
    """What the box says of predictions that were not made here."""
    if not predictions.uses_archive(study, study.setting("dense")):
        return ""
    said = archive.read_manifest(study)
    devices = sorted(
        {
            member["device"]
            for population in said["populations"].values()
            for member in population["members"]
        }
    )
    state = {
        "official": ", the official files",
        "restored": ", a set restored from public copies",
    }.get(said["data"]["state"], "")
    files = ", ".join(
        f'<a href="{up}archive/{study.name}/{file}" download>{file}</a>'
        for file in ["manifest.json", *said["files"]]
    )
    return (
        f"<p>The predictions are published with the book and were not made anew for it: forgetting {said['versions']['forgetting']}, "
        f"on {html.escape(', '.join(devices))}; data {said['data']['name']}{state}. Confidences are rounded to float16. "
        f"Download: {files}.</p>\n"
    )


def _elsewhere(name: str, edition: str, up: str) -> str:
    """Where the same page stands of other studies."""
    others = [other for other, pages in editions().items() if name in pages and other != edition]
    titles = {
        other: studies.load_study(other).title if other else "the default study" for other in others
    }
    links = [
        f'<a href="{up}pages/{_place(name, other)}.html">{html.escape(title)}</a>'
        for other, title in titles.items()
    ]
    return f"<p>The same page on {', '.join(links)}.</p>\n" if others else ""


def _in_words(parameter: Parameter) -> str:
    bounded = parameter.allowed not in params.ARTICLE.values()
    return parameter.meaning + (f"; allowed: {parameter.allowed}" if bounded else "")


def _shown(key: str, value: object) -> str:
    """A value without the folders of a study file's path."""
    return params.shown(Path(value).name if key == "study" else value)


def _command(page: Page, namespace: dict[str, object]) -> str:
    """What a shell takes to make this page with these parameters."""
    changed = {
        key: namespace[key]
        for key, parameter in page.parameters.items()
        if key != "study" and namespace[key] != parameter.default
    }
    assigned = " ".join(
        f"{key}={params.shown(value).replace(' ', '').replace(chr(34), '')}"
        for key, value in changed.items()
    )
    return f"make page NAME={page.name} STUDY={Path(namespace['study']).name}" + (
        f' PARAMS="{assigned}"' if assigned else ""
    )


def stage() -> Path:
    """The folder that the book is bound from: book/, or `$FORGETTING_BOOK` with a copy of what is written by hand."""
    if paths.built().resolve() != paths.book.resolve():
        shutil.copytree(
            paths.book, paths.built(), ignore=shutil.ignore_patterns(*GENERATED), dirs_exist_ok=True
        )
    return paths.built()


def bind() -> Path:
    """Build the book's HTML from its pages, warnings as errors, and return its folder; skipped where nothing has changed.

    Raises:
        UserError: the book has a warning or an error; they are printed.
    """
    source = stage()
    key, note = _sources(source), source / "_build" / ".made-from"
    if note.exists() and note.read_text() == key and (paths.html() / "index.html").exists():
        print(f"up to date: the book in {display_path(paths.html())}", flush=True)
        return paths.html()
    # What an earlier build left would be published too; everything is written anew, in seconds.
    shutil.rmtree(source / "_build", ignore_errors=True)
    command = [
        Path(sys.executable).with_name("jupyter-book"),
        "build",
        source,
        "--config",
        paths.ROOT / "_config.yml",
    ]
    if subprocess.run(
        [*command, "--path-output", source, "-W", "-n", "--all", "--keep-going", "-q"]
    ).returncode:
        raise UserError("the book was not built: mend the warnings above, which are errors here")
    notebooks.write(note, key)
    return paths.html()


def _sources(source: Path) -> str:
    """A word for all that the HTML is made from: its folder, the text notebooks, the settings, the library (for its reference)."""
    files = [
        file
        for file in source.rglob("*")
        if file.is_file() and file.relative_to(source).parts[0] != "_build"
    ]
    files += [
        *paths.notebooks.glob("*.md"),
        paths.ROOT / "_config.yml",
        *Path(forgetting.__file__).parent.rglob("*.py"),
    ]
    said = (
        f"{file} {_digest(file.read_bytes())}"
        for file in sorted(files)
        if not file.name.startswith(".")
    )
    return _digest("\n".join([*said, _library()]).encode())
