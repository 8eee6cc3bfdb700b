"""What classes, groups and their rates are called in a report."""

import pandas as pd

from forgetting.text import clipped

TASK = "task"  # The attribute of questions to language models.
METRICS = {"error": "error rate", "fpr": "false-positive rate", "fnr": "false-negative rate"}


def nouns(table: pd.DataFrame, of: str) -> tuple[str, str]:
    """Return what a row of the class or group table is called, and what several are.

    A group of a task with two labels has a row for each rate.
    """
    if of == "classes":
        return "class", "classes"
    if (table["attribute"] == TASK).all():
        return "task", "tasks"
    if table["metric"].isin(METRICS).any():
        return "rate of a group", "rates of groups"
    return "group", "groups"


def set_name(row: pd.Series, of: str) -> str:
    """Return `class 7`, `group sex=F` or `group sex=F (false-negative rate)`."""
    name = plain_name(row, of)
    return f"{name} ({METRICS[row['metric']]})" if row["metric"] in METRICS else name


def plain_name(row: pd.Series, of: str) -> str:
    """Return `class 7`, `group sex=F` or `task arc_easy`, where the rate is named beside it."""
    if of == "classes":
        return f"class {clipped(row['class'])}"
    if row["attribute"] == TASK:
        return f"task {clipped(row['group'].removeprefix(f'{TASK}='))}"
    return f"group {clipped(row['group'])}"
