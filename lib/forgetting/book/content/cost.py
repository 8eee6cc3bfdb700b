"""What the page on cost computes: operations, hours and money of every study."""

import re

import numpy as np
import pandas as pd

from forgetting import predictions
from forgetting.predictions import TIMES, times_file
from forgetting.study import load_study, study_names
from forgetting.text import duration, scaled

FOR_TESTS = "smoke"  # what the names of studies begin with that are trained by tests alone
ALIKE = 4.0  # times as many operations for an image, within which a core's rate carries over
PHASES = ["train", "predict", "corrupt", "quantize"]


def study_costs() -> pd.DataFrame:
    """Compute what each study that comes with the project costs, from the study itself.

    Returns:
        A row a study, those with fewest operations first; not those of the tests:

        - study; networks: trained; copies: quantized ones.
        - training, predicting, operations: floating-point operations (FLOP), the last their sum.
        - a_network: operations of training one dense network; an_image: of one image of it.
        - bytes: of all predictions, at most.
        - unsure: what only its files tell, in words.
    """
    from forgetting.data.shapes import expected_shape
    from forgetting.train import cost  # imports torch

    rows = []
    for name in study_names():
        if name.startswith(FOR_TESTS):
            continue
        study = load_study(name)
        table = cost.compute_cost(cost.all_tasks(study)).set_index("setting")
        copied = table["kind"] == "quantized"
        taught = table["kind"] == "teacher"  # its time is that of the member which needs it
        dense = table.loc["dense"]
        rows.append(
            {
                "study": name,
                "networks": int(table.loc[~copied & ~taught, "networks"].sum()),
                "copies": int(table.loc[copied, "networks"].sum()),
                "training": float(table["training"].sum()),
                "predicting": float(table["predicting"].sum()),
                "operations": float(table["training"].sum() + table["predicting"].sum()),
                "a_network": dense["training"] / dense["networks"],
                "an_image": dense["training"] / dense["images"],
                "bytes": float(table["bytes"].sum()),
                "unsure": expected_shape(study.folds[0].data).unsure,
            }
        )
    return pd.DataFrame(rows).sort_values("operations", ignore_index=True)


def published_times() -> pd.DataFrame:
    """Read how long networks of studies took on a processor's cores, where it was measured.

    Returns:
        A row a study and setting: the columns `predictions.TIMES`. Of a study that only `make
        bench` measured there is the middle network alone, for all settings together.
    """
    times = pd.read_csv(times_file()) if times_file().exists() else pd.DataFrame(columns=TIMES)
    further = []
    for name in sorted(set(study_names()) - set(times["study"])):
        spent = predictions.archived_table(load_study(name), "cost")
        if spent is None or not spent["trained"].iloc[0] or "core" not in spent["device"].iloc[0]:
            continue
        row = spent.iloc[0]
        seconds = float(row[PHASES].sum())
        further.append(
            {"study": name, "setting": row["setting"], "networks": int(row["trained"])}
            | dict.fromkeys(["train_low", "train", "train_high"], float(row["train"]))
            | {"seconds": seconds, "total": seconds * int(row["trained"])}
            | {"device": re.sub(r"^\d+ cores, ", "", row["device"])}
        )
    return pd.concat([times, pd.DataFrame(further, columns=TIMES)], ignore_index=True)


def with_times(costs: pd.DataFrame, times: pd.DataFrame) -> pd.DataFrame:
    """Add what was measured to what was computed.

    Rates are those of dense and pruned networks without a remedy, whose training alone is counted
    and timed; the time of a study is its training at that rate, times what a network's other phases
    take on top. A study that was not timed has the rates of the one whose networks do most nearly
    as many operations for an image, if these differ at most `ALIKE` times.

    Args:
        costs: from `study_costs`.
        times: from `published_times`.

    Returns:
        `costs`, and, NaN where it is not known:

        - timed: networks; 0 where none was.
        - rate, rate_low, rate_high: operations a second and core, of the middle, the slowest and
          the fastest network of the study itself.
        - measured: processor-seconds of the timed networks.
        - like: the study whose rates give the minutes; empty where there is none.
        - minutes, minutes_low, minutes_high: of the whole study on two cores.
    """
    rates = {row["study"]: _rates(row, times) for row in costs.to_dict("records")}
    rates = {name: rate for name, rate in rates.items() if rate}
    an_image, rows = costs.set_index("study")["an_image"], []
    for row in costs.to_dict("records"):
        own = times[times["study"] == row["study"]]
        away = {name: abs(np.log(an_image[name] / row["an_image"])) for name in rates}
        near = min(away, key=lambda name: (name != row["study"], away[name]), default="")
        like = near if near and away[near] <= np.log(ALIKE) else ""
        entry = {"timed": int(own["networks"].sum()), "like": like}
        if row["study"] in rates:
            known = {name: rates[like][name] for name in ("rate", "rate_low", "rate_high")}
            entry |= known | {"measured": float(own["total"].sum())}
        if like:
            work = row["training"] * rates[like]["longer"] / 2 / 60
            for end, of in (("", ""), ("_low", "_high"), ("_high", "_low")):
                entry[f"minutes{end}"] = work / rates[like][f"rate{of}"]
        rows.append(entry)
    columns = ["timed", "like", "rate", "rate_low", "rate_high", "measured"]
    columns += ["minutes", "minutes_low", "minutes_high"]
    return costs.join(pd.DataFrame(rows, columns=columns))


def _rates(row: dict, times: pd.DataFrame) -> dict[str, float]:
    """A study's rates, and how many times longer than training a network takes; {} if not timed."""
    own = times[times["study"] == row["study"]]
    plain = own[own["setting"].str.fullmatch(r"dense(-again)?|pruned-0\.\d+")]
    if plain.empty:
        return {}
    weights = plain["networks"] / plain["networks"].sum()
    middle = float((plain["train"] * weights).sum())
    return {
        "rate": row["a_network"] / middle,
        "rate_low": row["a_network"] / plain["train_high"].max(),
        "rate_high": row["a_network"] / plain["train_low"].min(),
        "longer": float((plain["seconds"] * weights).sum()) / middle,
    }


def beyond(costs: pd.DataFrame) -> pd.DataFrame:
    """The studies whose networks are larger than any that was timed, or like one; never run."""
    return costs[costs["like"] == ""].reset_index(drop=True)


def elsewhere(costs: pd.DataFrame, *, rate: float, machines: int, price: float) -> pd.DataFrame:
    """Compute hours and money on other machines.

    Args:
        costs: with `study` and `operations`.
        rate: operations that one machine does in a second, kept up over hours.
        machines: how many work at once.
        price: of one machine for an hour, in the reader's money.

    Returns:
        study; operations; machine_hours: of all machines together; days: until it is done; money.
    """
    hours = costs["operations"] / rate / 3600
    return pd.DataFrame(
        {
            "study": costs["study"],
            "operations": costs["operations"],
            "machine_hours": hours,
            "days": hours / machines / 24,
            "money": hours * price,
        }
    )


def at_rates(costs: pd.DataFrame, rates: np.ndarray) -> pd.DataFrame:
    """Compute the machine-hours of studies at several rates; study, rate, machine_hours, tidy."""
    return pd.concat(
        [
            elsewhere(costs, rate=rate, machines=1, price=0)[["study", "machine_hours"]].assign(
                rate=rate
            )
            for rate in rates
        ],
        ignore_index=True,
    )


def operations_in_words(table: pd.DataFrame, *columns: str, unit: str = "FLOP") -> pd.DataFrame:
    """Write columns of large numbers with the prefix of their size."""
    return table.assign(
        **{name: [scaled(value, unit) for value in table[name]] for name in columns}
    )


def times_in_words(hours: pd.Series) -> list[str]:
    """Write hours in the unit that fits each."""
    return [duration(3600 * float(value)) for value in hours]
