"""What ImageNet's classes are called and what kind of thing they are, by WordNet.

ImageNet's classes are nouns of WordNet 3.0 (Miller 1995), named by the place of their entry in its
file `data.noun`. A class is of the first kind in `KINDS` whose entry lies above its own. The tables
that travel with the photographs, `book/photographs/classes.csv`, and with `data.imagenet` are
filled from that file, which Debian's package `wordnet-base` has, by::

    python -m forgetting.data.wordnet /usr/share/wordnet/data.noun
"""

import sys
from collections import Counter
from pathlib import Path

import pandas as pd

from forgetting import paths
from forgetting.data.imagenet.classes import TABLE
from forgetting.errors import CorruptFile, DataNotFound, UserError, told_in_one_line
from forgetting.files import display_path, replacing

# Kinds and the entry of WordNet that each is. A kind has at least twenty of the photographs: dogs,
# 118 classes of a thousand, are but eleven of these photographs and stay among the mammals.
KINDS = {
    "mammals": "n01861778",
    "birds": "n01503061",
    "other vertebrates": "n01471682",
    "invertebrates": "n01905661",
    "vehicles": "n04524313",
    "buildings and structures": "n04341686",
    "clothing": "n03051540",
    "containers": "n03094503",
    "devices": "n03183080",
    "other artefacts": "n00021939",
    "food": "n00021265",
    "nature and people": "n00001740",  # entity, the root: what is left
}
HYPERNYMS = ("@", "@i")


def read_nouns(file: Path) -> dict[str, tuple[list[str], list[str]]]:
    """Read the nouns of WordNet.

    Args:
        file: `data.noun`, in the format of wndb(5WN).

    Returns:
        By id, such as "n02084071": the words of the entry, and the ids of those right above it.

    Raises:
        DataNotFound: there is no such file.
        CorruptFile: it is another kind of file.
    """
    if not file.is_file():
        raise DataNotFound(f"{file} is missing: name the file data.noun of WordNet 3.0")
    nouns = {}
    try:
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("  "):
                continue  # the licence, which stands first
            fields = line.partition(" | ")[0].split()
            words = int(fields[3], 16)
            first = 5 + 2 * words
            pointers = [fields[k : k + 2] for k in range(first, len(fields) - 3, 4)]
            above = [f"n{place}" for symbol, place in pointers if symbol in HYPERNYMS]
            nouns[f"n{fields[0]}"] = (fields[4 : 4 + 2 * words : 2], above)
    except (ValueError, IndexError, UnicodeDecodeError):
        raise CorruptFile(f"{file} is not data.noun of WordNet 3.0; name that file") from None
    return nouns


def kind_of(wnid: str, nouns: dict[str, tuple[list[str], list[str]]]) -> str:
    """Return the kind of a class, a key of `KINDS`.

    Args:
        wnid: its id, such as "n02084071".
        nouns: from `read_nouns`.

    Raises:
        CorruptFile: the nouns have no such id.
    """
    above: set[str] = set()
    left = [wnid]
    while left:
        one = left.pop()
        if one not in nouns:
            raise CorruptFile(f"WordNet's nouns have no {one}: name data.noun of WordNet 3.0")
        if one not in above:
            above.add(one)
            left += nouns[one][1]
    return next(kind for kind, root in KINDS.items() if root in above)


def describe(wnids: list[str], nouns: dict[str, tuple[list[str], list[str]]]) -> pd.DataFrame:
    """Return names and kinds of classes.

    Args:
        wnids: their ids, in the order of the labels 0, 1, ...
        nouns: from `read_nouns`.

    Returns:
        A row a class: label; wnid; name, the first word of its entry, where two classes share it
        with that of the entry right above; kind.
    """
    first = {wnid: entry[0].replace("_", " ") for wnid, (entry, _) in nouns.items()}
    often = Counter(first[wnid] for wnid in wnids)
    names = [
        first[wnid] if often[first[wnid]] == 1 else f"{first[wnid]} ({first[nouns[wnid][1][0]]})"
        for wnid in wnids
    ]
    kinds = [kind_of(wnid, nouns) for wnid in wnids]
    columns = {"label": range(len(wnids)), "wnid": wnids, "name": names, "kind": kinds}
    return pd.DataFrame(columns)


def fill_table(file: Path, nouns: dict[str, tuple[list[str], list[str]]]) -> None:
    """Write names and kinds of classes into a table that has their ids.

    Args:
        file: a CSV file with the column wnid, in the order of the labels; name and kind become what
            WordNet says, other columns stay.
        nouns: from `read_nouns`.
    """
    table = pd.read_csv(file)
    described = describe(table["wnid"].tolist(), nouns)
    with replacing(file) as temporary:
        table.assign(name=described["name"], kind=described["kind"]).to_csv(temporary, index=False)


def main() -> None:
    """Fill both tables of classes from the file that the command names."""
    if len(sys.argv) != 2:
        raise UserError("give the path of WordNet's data.noun, /usr/share/wordnet/data.noun say")
    nouns = read_nouns(Path(sys.argv[1]))
    for table in (paths.book / "photographs" / "classes.csv", TABLE):
        fill_table(table, nouns)
        print(f"wrote {display_path(table)}")


if __name__ == "__main__":
    with told_in_one_line():
        main()
