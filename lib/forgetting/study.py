"""A study: which populations of networks, on which data, and with which page parameters. YAML, typed and checked.

A *setting* is one way to compress, a *member* one trained network, a *population* all members of a setting. Each
population has a hash of all that determines its members, so finished work is found again and adding a level trains only that level.
"""

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import Field, ValidationError, model_validator

from forgetting import paths
from forgetting.data.spec import (
    DATA,
    Count,
    Data,
    PlantedData,
    Share,
    Sparsity,
    Spec,
)
from forgetting.errors import UserError, did_you_mean
from forgetting.files import display_path

# Part of every population's hash. Raise it when training, planting, the predictions file or a default below change what comes out.
FORMAT_VERSION = 3

FORMATS = ("float16", "dynamic-int8", "fixed-int8")


class Network(Spec):
    """Which network, and how wide."""

    name: Literal["small-cnn", "wide-resnet", "resnet-18", "mlp"]
    channels: tuple[Count, ...] = Field(
        (16, 32), description="small-cnn: channels of each convolution; mlp: hidden units"
    )
    strides: tuple[Count, ...] = Field((4, 2), description="small-cnn: stride of each convolution")
    depth: int = Field(10, ge=10, description="wide-resnet: depth, 6 n + 4")
    width: Count = Field(1, description="wide-resnet: widening factor")
    stem: tuple[Count, Count] = Field(
        (3, 1), description="wide-resnet: kernel and stride of the first convolution"
    )
    whitened: bool = Field(
        False,
        description="wide-resnet: whether the first convolution starts as the principal components of the images' patches",
    )

    @model_validator(mode="after")
    def _consistent(self):
        if self.name != "wide-resnet" and (self.whitened or self.stem != (3, 1)):
            raise ValueError(
                f"stem and whitened belong to wide-resnet, not to {self.name}; leave them out"
            )
        return self


class Training(Spec):
    """How a member is trained: SGD with Nesterov momentum, a linear warm-up, then linear decay to 0 or, where `drops` are given, steps."""

    epochs: Count
    batch: Count = 64
    rate: Annotated[float, Field(gt=0)] = Field(0.1, description="peak learning rate")
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4
    warm_up: Share = Field(0.1, description="share of the steps over which the rate rises")
    drops: tuple[Share, ...] = Field(
        (),
        description="shares of the steps at which the rate falls to a fifth, instead of its linear decay",
    )
    augmentation: Literal["none", "crop", "crop-flip"] = "none"
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="share of each label spread over all classes"
    )


class Pruning(Spec):
    """Gradual magnitude pruning with the cubic schedule of Zhu & Gupta (2017), per layer."""

    start: Share = Field(0.2, description="share of the training steps at which pruning starts")
    end: Share = Field(
        0.7, description="share of the training steps at which the final sparsity is reached"
    )
    every: Count = Field(8, description="steps between two updates of the masks")
    last_layer: bool = Field(
        False, description="whether the last, linear layer is pruned too; the paper leaves it dense"
    )

    @model_validator(mode="after")
    def _consistent(self):
        if not self.start < self.end:
            raise ValueError(f"start ({self.start}) must be before end ({self.end})")
        return self


class Settings(Spec):
    """Which populations the study has."""

    pruned: tuple[Sparsity, ...] = Field(
        (), description="levels of sparsity, each a population of its own"
    )
    quantized: tuple[Literal["float16", "dynamic-int8", "fixed-int8"], ...] = Field(
        (), description="formats, each made of both dense populations"
    )
    selectors: int = Field(
        0, ge=0, description="networks of another kind that pick natural adversaries"
    )
    predict_training: tuple[str, ...] | None = Field(
        None, description="settings that also predict the training images; all if not given"
    )

    @model_validator(mode="after")
    def _consistent(self):
        for values, what in ((self.pruned, "pruned"), (self.quantized, "quantized")):
            if len(set(values)) < len(values):
                raise ValueError(f"{what} names a level twice: {list(values)}")
        return self


class Setting(Spec):
    """One way to compress. `parent` is the population that a quantized one was made from; trained ones have none."""

    name: str
    kind: Literal["dense", "pruned", "quantized", "selector"]
    sparsity: Sparsity = 0.0
    format: Literal["float32", "float16", "dynamic-int8", "fixed-int8"] = "float32"
    parent: str | None = None

    @property
    def description(self) -> str:
        """The setting as a reader would say it."""
        if self.kind == "pruned":
            return f"pruned at {self.sparsity:g}"
        if self.kind == "quantized":
            return f"{self.format} of {self.parent}"
        return self.name


def dense_setting(name: str = "dense") -> Setting:
    return Setting(name=name, kind="dense")


def pruned_setting(sparsity: float) -> Setting:
    """A population pruned to `sparsity` in [0, 1)."""
    if not 0 <= sparsity < 1:
        raise UserError(
            f"sparsity {sparsity:g} is not allowed: it is the share of weights removed, at least 0 and below 1; write for instance 0.9"
        )
    return Setting(name=f"pruned-{sparsity:g}", kind="pruned", sparsity=float(sparsity))


def quantized_setting(format: str, parent: str = "dense") -> Setting:
    """The population made from `parent` by storing and computing in `format`."""
    if format not in FORMATS:
        raise UserError(f"format {format!r} is unknown: it is one of {', '.join(FORMATS)}")
    return Setting(name=f"{format}-of-{parent}", kind="quantized", format=format, parent=parent)


class Study(Spec):
    """A list of populations and where to use them."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    data: Data
    network: Network
    training: Training
    pruning: Pruning = Pruning()
    settings: Settings
    selector_network: Network = Network(name="mlp", channels=(64,))
    members: Annotated[int, Field(ge=2)] = Field(description="networks in each population, K")
    seed: int = Field(0, ge=0)
    pages: dict[str, dict[str, Any]] = Field(
        default={}, description="page name (or `common`) to parameters"
    )

    @cached_property
    def populations(self) -> tuple[Setting, ...]:
        """Every setting of the study: dense, dense-again, pruned, quantized of both, selectors."""
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
            *selectors,
        )

    def setting(self, name: str) -> Setting:
        """The setting called `name`; a pruned level that the study does not list is made on the fly."""
        for setting in self.populations:
            if setting.name == name:
                return setting
        if name.startswith("pruned-"):
            try:
                return pruned_setting(float(name.removeprefix("pruned-")))
            except ValueError:
                pass
        known = [setting.name for setting in self.populations]
        raise UserError(
            f"setting {name!r} is not in study {self.name}: it has {', '.join(known)}{did_you_mean(name, known)}"
        )

    def size(self, setting: Setting) -> int:
        """How many members `setting` has."""
        return self.settings.selectors if setting.kind == "selector" else self.members

    def parts(self, setting: Setting) -> tuple[str, ...]:
        """What a member of `setting` predicts."""
        if setting.kind == "selector":
            return ("holdout",)
        asked = self.settings.predict_training
        train = ("train",) if asked is None or setting.name in asked else ()
        holdout = ("holdout",) if isinstance(self.data, PlantedData) else ()
        corrupted = (
            ("corrupted",) if setting.kind != "quantized" and self.data.corrupted_images else ()
        )
        return ("test", *train, *holdout, *corrupted)

    def children(self, setting: Setting) -> tuple[Setting, ...]:
        """The quantized populations made from the members of `setting`."""
        return tuple(s for s in self.populations if s.parent == setting.name)

    def text(self, setting: Setting) -> str:
        """All that determines the members of `setting`, as canonical JSON.

        What is as it is by default is left out, so that a new field, whose default is what was done before, changes no population's name.
        """

        def dump(block: Spec) -> dict:
            return block.model_dump(exclude_defaults=True)

        said = {
            "format_version": FORMAT_VERSION,
            "seed": self.seed,
            "data": dump(self.data),
            "setting": dump(setting),
        }
        if setting.kind == "quantized":
            said["parent"] = self.text(self.setting(setting.parent))
        else:
            said["network"] = dump(
                self.selector_network if setting.kind == "selector" else self.network
            )
            said["training"] = dump(self.training)
        if setting.kind == "pruned":
            said["pruning"] = dump(self.pruning)
        return json.dumps(said, sort_keys=True)

    def population_name(self, setting: Setting) -> str:
        """The name of the population's folder: setting and hash."""
        return f"{setting.name}-{hashlib.sha256(self.text(setting).encode()).hexdigest()[:12]}"

    def with_changes(
        self, *, members: int | None = None, sparsities: tuple[float, ...] = ()
    ) -> "Study":
        """This study with another K, or with further pruned levels."""
        levels = self.settings.pruned + tuple(
            pruned_setting(s).sparsity for s in sparsities if s not in self.settings.pruned
        )
        changed = self.model_dump() | {"settings": self.settings.model_dump() | {"pruned": levels}}
        if members is not None:
            changed["members"] = members
        return _checked(changed, f"study {self.name}")


def study_names() -> list[str]:
    """The studies that come with the project."""
    return sorted(p.stem for p in paths.studies.glob("*.yml"))


def load_study(study: str | Path) -> Study:
    """The study called `study`, or the one in the file at that path.

    Raises:
        UserError: no such study, unreadable YAML, an unknown key, a value out of range.
    """
    path = Path(study)
    if path.suffix not in (".yml", ".yaml"):
        path = paths.studies / f"{study}.yml"
        if not path.exists():
            raise UserError(
                f"study {str(study)!r} is unknown: it is one of {', '.join(study_names())}, or the path of a .yml file"
                f"{did_you_mean(str(study), study_names())}"
            )
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"study file {path} does not exist: give one of {', '.join(study_names())}, or the path of a .yml file"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(
            f"study file {path} is not readable as YAML: {' '.join(str(error).split())}"
        ) from None
    if not isinstance(said, dict):
        raise UserError(
            f"study file {path} holds no study: it needs name, title, data, network, training, settings, members; see notebooks/studies/"
        )
    return _checked(_tuples(said), f"study file {display_path(path)}")


def _tuples(said: Any) -> Any:
    """YAML lists as tuples, because checked blocks are unchangeable; page parameters stay lists."""
    if isinstance(said, dict):
        return {key: value if key == "pages" else _tuples(value) for key, value in said.items()}
    return tuple(map(_tuples, said)) if isinstance(said, list) else said


def _checked(said: dict, what: str) -> Study:
    try:
        return Study.model_validate(said)
    except ValidationError as error:
        raise UserError(f"{what}: {_in_words(error.errors()[0])}") from None


def _in_words(error: dict) -> str:
    """One pydantic error as one line: the key, its value, what is allowed."""
    keys, known = list(error["loc"]), Study
    if error["type"].startswith(
        "union_tag"
    ):  # which data set, as the kinds of data have different keys
        allowed = [name for kind in DATA for name in get_args(kind.model_fields["name"].annotation)]
        found = error["input"].get("name") if isinstance(error["input"], dict) else error["input"]
        return f"data.name is {found!r}, but should be one of {', '.join(allowed)}{did_you_mean(str(found), allowed)}"
    if keys[:1] == ["data"] and len(keys) > 1:
        kind = keys.pop(1)
        known = next(
            (k for k in DATA if kind in get_args(k.model_fields["name"].annotation)), Study
        )
    where = ".".join(map(str, keys)) or "the study"
    if error["type"] == "missing":
        return f"{where} is missing; add it"
    if error["type"] == "extra_forbidden":
        block: Any = known
        for key in keys[known is not Study : -1]:
            block = (
                block.model_fields[key].annotation
                if isinstance(key, str) and key in getattr(block, "model_fields", {})
                else None
            )
        allowed = list(getattr(block, "model_fields", {}))
        return f"{where} is an unknown key; allowed here: {', '.join(allowed)}{did_you_mean(str(keys[-1]), allowed)}"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if error["type"] == "value_error":
        return f"{where}: {message}"
    return f"{where} is {error['input']!r}, but {message}"
