"""Arguments and options of the commands `train`, `audit` and others, with their help.

And the console that commands speak on.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from forgetting.errors import UserError

console = Console(stderr=True, highlight=False, soft_wrap=True)

Members = Annotated[
    int | None, typer.Option(help="Networks in each population, instead of the study's.")
]
Sparsities = Annotated[
    list[float] | None,
    typer.Option(help="A further pruned level, in [0, 1). May be given more than once."),
]
Device = Annotated[
    str,
    typer.Option(help="cpu, cuda, or auto: a GPU, if there is one, for networks that fill it."),
]
Minutes = Annotated[
    float | None,
    typer.Option(help="Begin no further network after so many; the same command goes on."),
]
Scheduler = Annotated[
    str | None,
    typer.Option(help="Train on the workers of a Dask cluster, tcp://host:8786, not here."),
]
Cost = Annotated[
    bool,
    typer.Option("--cost", help="Only say what it costs: networks, operations, about how long."),
]
Predictions = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Predictions: Parquet, CSV, JSON lines, NumPy arrays, or folders that lm_eval wrote; "
        "see the book for what they hold."
    ),
]
ModelFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="NAME=FILE",
        help="Instead: a file of one setting's predictions and the setting's name. Repeated.",
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        metavar="NAME=COLUMN,...",
        help='What the files call their columns, e.g. "label=target,predicted=answer".',
    ),
]
ModelColumns = Annotated[
    str | None,
    typer.Option(
        metavar="NAME=COLUMN,...",
        help="Of a table with a column a model: which column is which setting.",
    ),
]
ArrayLabels = Annotated[
    Path | None,
    typer.Option(help="The true labels, an .npy file, where predictions are .npy files."),
]
NoAnswer = Annotated[
    bool, typer.Option("--no-answer", help="Count missing predictions as wrong answers.")
]
Alike = Annotated[
    bool,
    typer.Option(
        "--alike", help="Take names alike that differ by case, white space or Unicode form."
    ),
]
LogMetric = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Of lm_eval's logs: which metric says what is right; else exact_match, acc_norm, acc.",
    ),
]
LogFilter = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Of lm_eval's logs: which filter's answers, if several."),
]
LogRun = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Of lm_eval's logs: which run; else the newest."),
]
LogFields = Annotated[
    str | None,
    typer.Option(
        "--group-by",
        metavar="FIELD,...",
        help="Of lm_eval's logs: what divides the questions into groups, e.g. doc.category.",
    ),
]
LogCommon = Annotated[
    bool,
    typer.Option("--common", help="Of lm_eval's logs: leave out what only some models were asked."),
]
LogPrompts = Annotated[
    bool,
    typer.Option(
        "--prompts-differ", help="Of lm_eval's logs: models may have been asked in other words."
    ),
]
LogFormat = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="harness",
        help="Folders and files are lm_eval's logs, whatever they are called.",
    ),
]
LogRoles = Annotated[
    str | None,
    typer.Option(
        "--roles",
        metavar="bbq",
        help="Of lm_eval's logs of BBQ: count answers that turn to a stereotype, and back.",
    ),
]
Baseline = Annotated[str, typer.Option(help="The setting of the uncompressed models.")]
ReportFolder = Annotated[Path, typer.Option(help="The folder that the report is written into.")]
Groups = Annotated[
    Path | None,
    typer.Option(help="A table with the column example and a column for each attribute."),
]
Pictures = Annotated[
    Path | None,
    typer.Option(help="The folder of pictures that examples are named in, to show some of them."),
]
Paired = Annotated[
    bool,
    typer.Option(
        "--paired", help="Members of equal name belong together: one was made from the other."
    ),
]
Positive = Annotated[str | None, typer.Option(help="The positive label of a task with two.")]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="The column of the groups that names what several examples were made from.",
    ),
]
Attributes = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN,...", help="The columns of the groups that are attributes, if not all are."
    ),
]
Weight = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="The column of the groups that says how much each example counts, if not all alike.",
    ),
]
SecondBaseline = Annotated[
    str | None,
    typer.Option(
        help="The setting that is a second, independent baseline; <baseline>-again if there."
    ),
]
SecondRun = Annotated[
    Path | None,
    typer.Option(
        "--again",
        metavar="FOLDER",
        help="Of lm_eval's logs: the baseline asked once more, with another batch size or kernel.",
    ),
]
Alpha = Annotated[float, typer.Option(help="Level of the tests, 1 minus that of the intervals.")]
Minimum = Annotated[
    int, typer.Option(help="Examples below which a class or group is shown, but not tested.")
]
Seed = Annotated[int, typer.Option(help="Of the random splits behind counts of exemplars.")]
Rules = Annotated[
    list[str] | None,
    typer.Option(metavar="RULE", help='E.g. "any group: change_low < -0.05". May be repeated.'),
]
ClassNames = Annotated[
    Path | None,
    typer.Option(
        help="A text file with the class names, a line for each output; else they are 0, 1, ..."
    ),
]
UnpublishedPictures = Annotated[
    bool,
    typer.Option(
        "--pictures",
        help="Show pictures that may not be published, where the data are on this machine: such a "
        "book is for yourself.",
    ),
]
Solutions = Annotated[
    bool,
    typer.Option("--solutions", help="Let solutions of exercises fold out: a book for teachers."),
]


def parse_assignments(
    option: str, values: Sequence[str], *, value_is: str = "VALUE"
) -> dict[str, str]:
    """Read an option's values of the form NAME=VALUE.

    Args:
        option: its name.
        values: as they were given.
        value_is: what stands for VALUE where a message says the form.

    Raises:
        UserError: one is not of this form, or a name is there twice.
    """
    assigned: dict[str, str] = {}
    for value in values:
        name, equals, rest = (part.strip() for part in value.partition("="))
        if not (name and equals and rest):
            raise UserError(f"{option} is {value!r}: write NAME={value_is}")
        if name in assigned:
            raise UserError(f"{option} names {name!r} twice: give each name once")
        assigned[name] = rest
    return assigned


def parse_list(option: str, text: str | None) -> dict[str, str]:
    """Read an option of the form NAME=COLUMN,NAME=COLUMN.

    Args:
        option: its name.
        text: as it was given; None where it was not.

    Raises:
        UserError: as `parse_assignments`.
    """
    return parse_assignments(option, text.split(",") if text else [], value_is="COLUMN,...")


def given_predictions(
    files: Sequence[Path] | None, models: Sequence[str] | None, *, logs: bool = False
) -> list[Path] | dict[str, Path | list[Path]]:
    """Return the files of predictions, by setting where `models` say it.

    Args:
        files: without settings.
        models: as NAME=FILE. A name may be there several times where all files of that name are
            folders, or with `logs`: the logs of its members.
        logs: whether all are logs.

    Raises:
        UserError: there are none, or of both kinds; a name twice that may be there once.
    """
    given = [parse_assignments("--model", [one], value_is="FILE") for one in models or []]
    named: dict[str, list[Path]] = {}
    for one in given:
        for name, file in one.items():
            named.setdefault(name, []).append(Path(file))
    for name, several in named.items():
        if len(several) > 1 and not (logs or all(path.is_dir() for path in several)):
            raise UserError(
                f"--model names {name!r} twice: give each name once; several trainings of a "
                "setting go into one file, with a column member; folders of lm_eval may share one"
            )
    if bool(files) == bool(named):
        raise UserError(
            "give files of predictions, or --model NAME=FILE for each setting"
            + ("; not both" if files else "")
        )
    by_setting = {name: one[0] if len(one) == 1 else one for name, one in named.items()}
    return by_setting or list(files or [])
