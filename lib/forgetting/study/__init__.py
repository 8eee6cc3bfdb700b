"""A study: which populations of networks, on which data, with which page parameters; in YAML.

A *setting* is one way to compress, a *member* one trained network, a *population* all members of
a setting. Each population has a hash of all that determines its members, so that finished work is
recognised and adding a level trains only that level.
"""

import json
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from forgetting import paths
from forgetting.data.spec import (
    FORMAT_VERSION,
    CelebAData,
    Data,
    ImageNetData,
    PlantedData,
    Spec,
)
from forgetting.errors import UserError, did_you_mean, invalid_value
from forgetting.files import display_path, sha256
from forgetting.study.blocks import (
    FORMATS,
    REMEDIES,
    Constraint,
    Distillation,
    Network,
    Pruning,
    Remedy,
    Setting,
    Settings,
    Training,
    Weighting,
    dense_setting,
    needs_group,
    needs_teacher,
    pruned_setting,
    quantized_setting,
    remedied_setting,
)
from forgetting.study.consistency import check_remedies, check_streaming, weights_digest
from forgetting.yaml_text import read_yaml

__all__ = [
    "FORMATS",
    "FORMAT_VERSION",
    "REMEDIES",
    "Constraint",
    "Distillation",
    "Network",
    "Pruning",
    "Remedy",
    "Setting",
    "Settings",
    "Study",
    "Training",
    "Weighting",
    "dense_setting",
    "load_study",
    "needs_group",
    "needs_teacher",
    "pruned_setting",
    "quantized_setting",
    "remedied_setting",
    "study_names",
]


class Study(Spec):
    """A list of populations and where to use them."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    data: Data
    network: Network
    training: Training
    pruning: Pruning = Pruning()
    weighting: Weighting = Weighting()
    distillation: Distillation = Distillation()
    constraint: Constraint = Constraint()
    settings: Settings
    selector_network: Network = Network(name="mlp", channels=(64,))
    members: Annotated[int, Field(ge=2)] = Field(description="networks in each population, K")
    seed: int = Field(0, ge=0)
    pages: dict[str, dict[str, Any]] = Field(
        default={}, description="page name (or `common`) to parameters"
    )

    @model_validator(mode="after")
    def _blocks_go_together(self) -> Self:
        for name in self.settings.predict_training or ():
            try:
                self.setting(name)
            except UserError as error:
                raise ValueError(f"settings.predict_training: {error}") from None
        check_remedies(self)
        check_streaming(self)
        return self

    def remedy_block(self, remedy: Remedy) -> Weighting | Distillation | Constraint:
        """Return the block of the study that says how a remedy is done."""
        if remedy == "distilled":
            return self.distillation
        return self.weighting if remedy.endswith("weights") else self.constraint

    @cached_property
    def populations(self) -> tuple[Setting, ...]:
        """Every setting: dense, dense-again, pruned, quantized of both, remedies, selectors."""
        both = ("dense", "dense-again")
        selectors = [Setting(name="selectors", kind="selector")] if self.settings.selectors else []
        return (
            *map(dense_setting, both),
            *map(pruned_setting, self.settings.pruned),
            *(
                quantized_setting(format, parent)
                for format in self.settings.quantized
                for parent in both
            ),
            *(
                remedied_setting(setting, remedy)
                for remedy in self.settings.remedies
                for setting in (dense_setting(), *map(pruned_setting, self.settings.pruned))
            ),
            *selectors,
        )

    @property
    def streamed(self) -> bool:
        """Whether training pictures are read from their files as they are needed."""
        return isinstance(self.data, ImageNetData) and self.data.streamed

    @property
    def folds(self) -> "tuple[Study, ...]":
        """The studies whose populations are trained, and whose tests together are this one's.

        That is this study alone, unless its data are cross-fitted: then a member is a network of
        each fold, trained on the other pictures, and what it predicted is that of all of them.
        """
        blocks = self.data.folds if isinstance(self.data, CelebAData) else (self.data,)
        return tuple(self.model_copy(update={"data": block}) for block in blocks)

    def setting(self, name: str) -> Setting:
        """Return the setting called `name`; a pruned level need not be listed in the study.

        Raises:
            UserError: the study has no such setting, or the sparsity is outside [0, 1).
        """
        for setting in self.populations:
            if setting.name == name:
                return setting
        for remedy in self.settings.remedies:
            if name.startswith(f"{remedy}-pruned-"):
                return remedied_setting(self.setting(name.removeprefix(f"{remedy}-")), remedy)
        if name.startswith("pruned-"):
            try:
                sparsity = float(name.removeprefix("pruned-"))
            except ValueError:
                pass
            else:
                return pruned_setting(sparsity)
        allowed = [setting.name for setting in self.populations]
        raise UserError(
            f"setting {name!r} is not in study {self.name}: it has {', '.join(allowed)}"
            f"{did_you_mean(name, allowed)}"
        )

    def size(self, setting: Setting, part: str | None = None) -> int:
        """Return how many members `setting` has, or how many of them predict a part."""
        members = self.settings.selectors if setting.kind == "selector" else self.members
        limit = self.settings.corrupted_members if part == "corrupted" else None
        return members if limit is None else min(members, limit)

    def files(self, setting: Setting) -> list[tuple[int, str]]:
        """Return member and part of every file of predictions that `setting` has, by member."""
        parts = self.parts(setting)
        return [
            (member, part)
            for member in range(self.size(setting))
            for part in parts
            if member < self.size(setting, part)
        ]

    def parts(self, setting: Setting) -> tuple[str, ...]:
        """Return the names of the parts that a member of `setting` predicts."""
        if setting.kind == "selector":
            return ("holdout",)
        listed = self.settings.predict_training
        train = ("train",) if listed is None or setting.name in listed else ()
        if isinstance(self.data, CelebAData):
            train = ()  # Of folds each network was trained on other images.
        holdout = ("holdout",) if isinstance(self.data, PlantedData) else ()
        corrupted = (
            ("corrupted",) if setting.kind != "quantized" and self.data.corrupted_images else ()
        )
        return ("test", *train, *holdout, *corrupted)

    def children(self, setting: Setting) -> tuple[Setting, ...]:
        """Return the quantized populations made from the members of `setting`."""
        return tuple(other for other in self.populations if other.parent == setting.name)

    def text(self, setting: Setting) -> str:
        """Return all that determines the members of `setting`, as canonical JSON.

        Values that are the default are left out, so that a new field, whose default is what was
        done before, changes no population's name.

        Raises:
            DataNotFound: the file of the weights that the network starts from is not here.
        """

        def dump(block: Spec) -> dict[str, Any]:
            return block.model_dump(exclude_defaults=True)

        content: dict[str, Any] = {
            "format_version": FORMAT_VERSION,
            "seed": self.seed,
            "data": dump(self.data),
            "setting": dump(setting),
        }
        if setting.parent is not None:
            content["parent"] = self.text(self.setting(setting.parent))
        else:
            selector = setting.kind == "selector"
            network = self.selector_network if selector else self.network
            content["network"] = dump(network)
            if network.weights is not None:  # what they are counts, not where they lie
                content["network"]["weights"] = weights_digest(network)
            content["training"] = dump(self.training)
        remedy = None if setting.remedy is None else self.remedy_block(setting.remedy)
        if setting.kind == "pruned" or isinstance(remedy, Constraint):  # it begins where masks end
            content["pruning"] = dump(self.pruning)
        if remedy is not None:
            content["remedy"] = dump(remedy)
        return json.dumps(content, sort_keys=True)

    def population_name(self, setting: Setting) -> str:
        """Return the name of the population's folder: setting and hash."""
        return f"{setting.name}-{sha256(self.text(setting).encode())[:12]}"

    def with_changes(
        self, *, members: int | None = None, sparsities: tuple[float, ...] = ()
    ) -> "Study":
        """Return this study with another number of members, or with further pruned levels.

        Raises:
            UserError: a number that is not allowed.
        """
        further = (pruned_setting(s).sparsity for s in sparsities if s not in self.settings.pruned)
        settings = self.settings.model_dump() | {"pruned": (*self.settings.pruned, *further)}
        changes = {"settings": settings} | ({} if members is None else {"members": members})
        return _checked(self.model_dump() | changes, f"study {self.name}")


def study_names() -> list[str]:
    """Return the names of the studies that come with the project."""
    return sorted(path.stem for path in paths.studies.glob("*.yml"))


def load_study(study: str | Path) -> Study:
    """Return the study called `study`, or the one in the file at that path.

    Raises:
        UserError: no such study, unreadable YAML, an unknown key, a value out of range.
    """
    path = Path(study)
    options = f"one of {', '.join(study_names())}, or the path of a .yml file"
    if path.suffix not in (".yml", ".yaml"):
        path = paths.studies / f"{study}.yml"
        if not path.exists():
            near = did_you_mean(str(study), study_names())
            raise UserError(f"study {str(study)!r} is unknown: it is {options}{near}")
    try:
        content = read_yaml(path, source=f"study file {path}", fix="mend that line")
    except FileNotFoundError:
        raise UserError(f"study file {path} does not exist: give {options}") from None
    if not isinstance(content, dict):
        raise UserError(
            f"study file {path} does not hold a study: it needs name, title, data, network, "
            "training, settings and members; see notebooks/studies/"
        )
    return _checked(_as_tuples(content), f"study file {display_path(path)}")


def _as_tuples(content: Any) -> Any:
    """YAML lists as tuples, because blocks cannot be changed; page parameters stay lists."""
    if isinstance(content, dict):
        return {key: v if key == "pages" else _as_tuples(v) for key, v in content.items()}
    return tuple(map(_as_tuples, content)) if isinstance(content, list) else content


def _checked(content: dict[str, Any], source: str) -> Study:
    try:
        return Study.model_validate(content)
    except ValidationError as error:
        raise UserError(f"{source}: {invalid_value(error, Study)}") from None
