"""Can the test of exemplars be trusted? Simulated studies of PIEs beside their noise floor."""

import numpy as np
import pandas as pd

from forgetting.measure import exemplar_controls, simulation_verdicts


def studies(
    *,
    examples: int,
    members: int,
    shared: float = 0.0,
    harm: float = 0.0,
    draws: int,
    control_draws: int = 60,
    seed: int | np.random.Generator,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Simulate studies of exemplars, on examples from easy to hopeless.

    Args:
        examples: how many are in the test.
        members: networks of each population.
        shared: as in `simulation_study.populations`.
        harm: what every example's chance to be right loses by compression.
        draws: how many studies are simulated.
        control_draws: random draws of each control.
        seed: whole number or numpy Generator.
        alpha: level of tests, in (0, 1); intervals are at 1 - alpha.

    Returns:
        The columns of `simulation_study.populations`, question "pie" or "clear". The quantities:

        - "share": of examples that are such between baseline and compressed; "share, floor":
          between the baseline populations.
        - "called": permutation test with p at most alpha, of the members at full size.
        - "covered": how often the interval of the excess holds the mean excess over all studies.

    Raises:
        UserError: as `exemplar_controls.null_control`.
    """
    generator = np.random.default_rng(seed)
    easy, label = generator.beta(1, 0.5, examples), np.zeros(examples, dtype=np.int32)

    def trained(less: float) -> np.ndarray:
        chance = easy - less + shared * generator.choice([-1, 1], size=(members, 1))
        # The usual mistake, 1, and another one, 2.
        wrong = 1 + (generator.random((members, examples)) < 0.3)
        right = generator.random((members, examples)) < chance
        return np.where(right, label, wrong).astype(np.int32)

    controls = [
        exemplar_controls.null_columns(
            baseline=trained(0),
            second_baseline=trained(0),
            compressed=trained(harm),
            draws=control_draws,
            seed=generator,
            alpha=alpha,
        )
        for _ in range(draws)
    ]
    needed = ("observed", "null", "p", "excess", "excess_low", "excess_high")
    of = {name: np.array([control[name] for control in controls]) for name in needed}
    held = (of["excess_low"] <= of["excess"].mean(axis=0)) & (
        of["excess"].mean(axis=0) <= of["excess_high"]
    )
    quantities = {
        "share": of["observed"] / examples,
        "share, floor": of["null"] / examples,
        "called": of["p"] <= alpha,
        "covered": np.where(np.isnan(of["excess_low"]), np.nan, held),
    }
    return simulation_verdicts.rates_table(
        {
            (kind, name): values[:, column]
            for column, kind in enumerate(("pie", "clear"))
            for name, values in quantities.items()
        }
    )
