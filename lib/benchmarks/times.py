"""How long networks took to train on this machine: their logs, summed up for the page on cost.

`python -m benchmarks.times STUDY ...` writes the rows of these studies anew into
`book/archive/times.csv` and leaves those of others as they are.
"""

import pandas as pd
import typer

from benchmarks.machine import processor_name
from forgetting import predictions
from forgetting.errors import UserError
from forgetting.files import write_text
from forgetting.predictions import TIMES, times_file
from forgetting.study import Study, load_study


def logged_times(study: Study) -> pd.DataFrame:
    """Sum up what was logged of a study's networks that one processor core each trained.

    Args:
        study: the study; of its quantized copies the seconds are those of their parents.

    Returns:
        A row a setting that was trained here: what `predictions.TIMES` names.

    Raises:
        UserError: none of its networks was trained here.
    """
    log = predictions.read_log(study, study.populations)
    if not log.empty and "device" in log:
        log = log[log["device"].fillna("cpu") == "cpu"]
    if log.empty:
        raise UserError(f"study {study.name} has no log of networks that a core trained here")
    phases = [phase for phase in predictions.PHASES if phase in log]
    log = log.assign(seconds=log[phases].fillna(0).sum(axis=1))
    rows = []
    for setting, entries in log.groupby("setting", sort=False):
        low, middle, high = entries["train"].quantile([0, 0.5, 1])
        seconds = {"train_low": low, "train": middle, "train_high": high}
        seconds |= {"seconds": entries["seconds"].median(), "total": entries["seconds"].sum()}
        rows.append(
            {"study": study.name, "setting": setting, "networks": len(entries)}
            | {name: round(float(value), 3) for name, value in seconds.items()}
            | {"device": processor_name(), "finished": entries["finished"].max()[:10]}
        )
    return pd.DataFrame(rows, columns=list(TIMES))


def main(studies: list[str]) -> None:
    """Sum up the logs of some studies.

    Args:
        studies: names of studies whose networks were trained on this machine.
    """
    found = pd.concat([logged_times(load_study(name)) for name in studies])
    if times_file().exists():
        kept = pd.read_csv(times_file())
        found = pd.concat([kept[~kept["study"].isin(studies)], found])
    found = found.sort_values("study", kind="stable")
    write_text(times_file(), found.to_csv(index=False, lineterminator="\n"))
    print(found.groupby("study")[["networks", "total"]].sum().to_string())


if __name__ == "__main__":
    typer.run(main)
