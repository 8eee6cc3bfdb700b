"""What a book shows of the repository that it was built for, where it was built for one.

`FORGETTING_REPOSITORY=owner/name` names a repository on GitHub. Then the theme links each page to
its text notebook there, opens its executed notebook with Binder and Colab, and each page says how
to cite it. Those two read the branch `BRANCH`, which the hosted workflow makes: this version with
its executed notebooks and predictions. Nothing of it is loaded before a reader follows a link.
"""

import os
import re
from pathlib import Path

import forgetting
from forgetting import paths
from forgetting.errors import UserError
from forgetting.files import write_text

BRANCH = "built"
CHANGES = "pages/changes"
NAME = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*/[A-Za-z0-9._-]+")
# A page is edited in its text notebook, the changes in their file, all others where they lie.
EDITED = (
    "{% if file_name == '" + CHANGES + ".md' %}CHANGELOG.md"
    "{% elif file_name.startswith('pages/') %}"
    "notebooks/{{ file_name.split('/')[-1].replace('.ipynb', '.md') }}"
    "{% else %}book/{{ file_name }}{% endif %}"
)


def repository() -> str:
    """Return `$FORGETTING_REPOSITORY`, as owner/name; empty where the book is built for none.

    Raises:
        UserError: It is no such name.
    """
    name = os.environ.get("FORGETTING_REPOSITORY", "")
    if name and not NAME.fullmatch(name):
        raise UserError(
            f"FORGETTING_REPOSITORY is {name!r}: write owner/name, as on GitHub, or unset it"
        )
    return name


def settings(name: str) -> dict[str, object]:
    """Return the settings of Sphinx that a book needs besides those of _config.yml, to be merged.

    Args:
        name: The repository as owner/name, or empty for none, which needs nothing.
    """
    if not name:
        return {}
    address = f"https://github.com/{name}"
    owner, project = name.split("/")
    site = f"https://{owner.lower()}.github.io/"
    theme = {
        "repository_url": address,
        "repository_branch": BRANCH,
        "path_to_docs": "book",
        "use_repository_button": True,
        "use_edit_page_button": True,
        "use_issues_button": True,
        "launch_buttons": {
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
            "notebook_interface": "jupyterlab",
        },
        "footer_content_items": ["author.html", "copyright.html", "cite.html"],
    }
    context = {
        "edit_page_provider_name": "GitHub",
        "edit_page_url_template": f"{address}/edit/main/{EDITED}",
        "book_version": forgetting.__version__,
        "book_changes": CHANGES,
    }
    return {
        "html_theme_options": theme,
        "html_context": context,
        "html_baseurl": site if f"//{project.lower()}/" in site else f"{site}{project}/",
        "templates_path": [str(paths.ROOT / "book" / "templates")],
    }


def put_changes(source: Path, name: str) -> None:
    """Put the page of changes into the folder of the book, or remove it where there is none.

    Args:
        source: The folder that the book is bound from.
        name: The repository, or empty.
    """
    page = source / f"{CHANGES}.md"
    if name:
        write_text(page, (paths.ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    else:
        page.unlink(missing_ok=True)


def parts(name: str) -> list[dict[str, object]]:
    """Return the parts of the table of contents that a book for a repository has besides."""
    return [{"caption": "This version", "chapters": [{"file": CHANGES}]}] if name else []
