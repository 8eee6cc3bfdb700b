"""The box at the end of each page that says how the page was made."""

import html
import json
from pathlib import Path

import forgetting
from forgetting import paths, predictions
from forgetting.book import parameters as params
from forgetting.book.editions import editions, place
from forgetting.book.page import Page, read_page, resolve_parameters
from forgetting.book.parameters import Parameter
from forgetting.files import sha256
from forgetting.predictions import archive
from forgetting.study import Study, load_study


def provenance(name: str, namespace: dict[str, object]) -> None:
    """Display the box "How this page was made".

    `book.provenance("exemplars", globals())` is a notebook's last cell. The box gives the study and
    its hash, the parameters and what they mean, seeds, data and the library's version, and offers
    the notebook for download. It holds no time, date or path, so that two runs are equal.

    Args:
        name: The page.
        namespace: The notebook's variables, among them its parameters.
    """
    from IPython.display import HTML, display

    page, study = read_page(name), load_study(str(namespace["study"]))
    edition, up = paths.edition(), paths.relative_book_root()
    where = place(name, edition)
    text = json.dumps(study.model_dump(mode="json", exclude={"pages"}), sort_keys=True)
    items = "".join(
        f"<dt><code>{html.escape(f'{key} = {_without_folder(key, namespace[key])}')}</code></dt>"
        f"<dd>{html.escape(_meaning(parameter))}</dd>\n"
        for key, parameter in page.parameters.items()
    )
    display(
        HTML(
            '<div class="admonition note made">\n'
            '<p class="admonition-title">How this page was made</p>\n'
            f"<p>Study <strong>{html.escape(study.title)}</strong>{_role(page)} "
            f"(<code>{study.name}</code>, {sha256(text.encode())[:12]}): {study.members} networks "
            f"in each population; data {study.data.name}, seed {study.data.seed}; training seed "
            f"{study.seed}, from which, with its setting and number, each network's own seed "
            f"derives. Library: forgetting {forgetting.__version__}.</p>\n"
            f"{_archive_words(study, up)}{_other_editions(name, edition, up)}"
            f"<p>Parameters:</p>\n<dl>\n{items}</dl>\n"
            "<p>Make it again, with these or other parameters: "
            f"<code>{html.escape(_command(page, namespace))}</code></p>\n"
            f'<p>Download: <a href="{up}notebooks/{where}.md" download>text notebook</a>, '
            f'<a href="{up}notebooks/{where}.ipynb" download>'
            "executed notebook</a>.</p>\n</div>"
        )
    )


def _role(page: Page) -> str:
    """Return what a page takes from its study, where that is not all that it reads."""
    meaning = page.parameters["study"].meaning
    return "" if meaning.startswith("the study that is read") else f", {html.escape(meaning)}"


def _archive_words(study: Study, up: str) -> str:
    """Return what the box says of predictions that were not made on this machine."""
    if not predictions.uses_archive(study, study.setting("dense")):
        return ""
    manifest = archive.read_manifest(study)
    devices = sorted(
        {
            member["device"]
            for population in manifest["populations"].values()
            for member in population["members"]
        }
    )
    state = {
        "official": ", the official files",
        "restored": ", a set restored from public copies",
        "half size": ", pictures at half size",
    }.get(manifest["data"]["state"], "")
    files = ", ".join(
        f'<a href="{up}archive/{study.name}/{file}" download>{file}</a>'
        for file in ["manifest.json", *manifest["files"]]
    )
    confidences = {
        "float16": "Confidences are rounded to float16, in which pandas and SciPy would also "
        "compute: cast them to float32 first.",
        "deciles": "Of the probability of yes the tenth in which it lies is kept, and for each "
        "network and task the mean in that tenth.",
    }[manifest["confidences"]]
    return (
        "<p>The predictions are published with the book and were not made anew for it: "
        f"forgetting {manifest['versions']['forgetting']}, on {html.escape(', '.join(devices))}; "
        f"data {manifest['data']['name']}{state}. {confidences} "
        f"Download: {files}.</p>\n"
    )


def _other_editions(name: str, edition: str, up: str) -> str:
    """Return where the book has the same page of other studies."""
    others = [other for other, pages in editions().items() if name in pages and other != edition]
    titles = {other: load_study(other).title if other else "the default study" for other in others}
    links = [
        f'<a href="{up}pages/{place(name, other)}.html">{html.escape(title)}</a>'
        for other, title in titles.items()
    ]
    return f"<p>The same page on {', '.join(links)}.</p>\n" if others else ""


def _meaning(parameter: Parameter) -> str:
    bounded = parameter.allowed not in params.ARTICLE.values()
    return parameter.meaning + (f"; allowed: {parameter.allowed}" if bounded else "")


def _without_folder(key: str, value: object) -> str:
    """Return a value as Python source, without the folders of a study file's path."""
    return params.as_source(Path(str(value)).name if key == "study" else value)


def _command(page: Page, namespace: dict[str, object]) -> str:
    """Return what a shell takes to make this page with these parameters."""
    usual = resolve_parameters(page.name, study=str(namespace["study"]))
    changed = {
        key: namespace[key]
        for key in page.parameters
        if key != "study" and namespace[key] != usual[key]
    }
    assigned = " ".join(
        f"{key}={params.as_source(value).replace(' ', '').replace(chr(34), '')}"
        for key, value in changed.items()
    )
    study = Path(str(namespace["study"])).name
    return f"make page NAME={page.name} STUDY={study}" + (
        f' PARAMS="{assigned}"' if assigned else ""
    )
