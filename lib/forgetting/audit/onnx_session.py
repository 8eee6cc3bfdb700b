"""An ONNX model of pictures: opened, checked and run by ONNX Runtime."""

import mmap
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from forgetting.errors import UserError, did_you_mean
from forgetting.text import counted

# Of one batch: as many pictures as fill so many bytes, since a network's own values are several
# times its input, but no more than this.
BATCH, BATCH_BYTES = 64, 2**26
PROVIDER = "ExecutionProvider"  # what the names of all of them end in
MOST_LETTERS = 400  # of ONNX Runtime's reason in a message
MOST_NAMES = 12  # of a model's outputs in a message
INPUTS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
NO_REASON = re.compile(
    r"^\[ONNXRuntimeError\] : [0-9]+ : [A-Z_]+ : "
    r"|Load model from .*? failed: ?"
    r"|/\S+\.(cc|cpp|h|hpp):[0-9]+ [^()]*\(([^()]|\([^()]*\))*\)( const)?( \[with [^]]*\])? "
)
# The operators that find their scales as they run begin with this word, in every exporter.
DYNAMIC = b"DynamicQuantize"


@dataclass(frozen=True)
class OnnxModel:
    """A model with one input of pictures, ready to run.

    Attributes:
        session: of ONNX Runtime.
        output: the name of the output that holds the scores of the classes.
        one_at_a_time: whether it takes the scales of its 8-bit numbers from all pictures of a batch
            together, so that a picture has to be alone in its batch.
    """

    session: Any
    output: str
    one_at_a_time: bool

    @property
    def takes_bytes(self) -> bool:
        """Whether the input is bytes."""
        return INPUTS[self._input.type] is np.uint8

    @property
    def whole_scores(self) -> bool:
        """Whether the scores are whole numbers, 8 bits without their scale for instance."""
        kinds = {one.name: one.type for one in self.session.get_outputs()}
        return "int" in kinds[self.output]

    @property
    def classes(self) -> int | None:
        """How many classes the output scores, where the model says so."""
        (shape,) = (one.shape for one in self.session.get_outputs() if one.name == self.output)
        return shape[1] if shape and len(shape) > 1 and isinstance(shape[1], int) else None

    @property
    def shape(self) -> list[int | str | None]:
        """The four lengths of the input; one that is not fixed is a name or None."""
        return list(self._input.shape)

    def batch(self, picture: np.ndarray) -> int:
        """How many inputs like `picture` are given to `compute_scores` at a time."""
        fits = min(max(BATCH_BYTES // max(picture.nbytes, 1), 1), BATCH)
        return 1 if self.one_at_a_time else self._fixed_batch or fits

    @property
    def _input(self) -> Any:
        return self.session.get_inputs()[0]

    @property
    def _fixed_batch(self) -> int | None:
        number = self._input.shape[0]
        return number if isinstance(number, int) else None

    def compute_scores(self, values: np.ndarray) -> np.ndarray:
        """Run the model.

        Args:
            values: (N, ...), laid out as the model's input, N at most `batch`.

        Returns:
            (N, C) float64: the scores or probabilities of the classes; (N, 1) of a model that
            scores the second of two classes alone.

        Raises:
            UserError: the pictures do not fit the model, or its output is not of that shape.
        """
        number, kind = len(values), INPUTS[self._input.type]
        fixed = self._fixed_batch or number
        if number < fixed:  # Pictures are missing in a batch of fixed size: repeat the last.
            values = np.concatenate([values, np.repeat(values[-1:], fixed - number, axis=0)])
        if kind is np.uint8 and ((values < 0) | (values > 255) | (values % 1 != 0)).any():
            raise UserError(
                "the model takes bytes, and the pre-processing makes numbers that are not; leave "
                "scale, mean and std out"
            )
        values = np.ascontiguousarray(values).astype(kind)
        try:
            scores = self.session.run([self.output], {self._input.name: values})[0]
        except Exception as error:
            raise UserError(
                f"the model cannot run on input {values.shape} {values.dtype}: it needs "
                f"{self._input.shape}; check size, layout and channels ({_reason(error)})"
            ) from None
        shape, scores = np.shape(scores), np.asarray(scores, dtype=np.float64)
        while scores.ndim > 2 and scores.shape[-1] == 1:
            scores = scores[..., 0]
        if scores.ndim != 2 or scores.shape[1] < 1 or len(scores) != len(values):
            raise UserError(
                f"the model's output {self.output!r} has shape {shape} for "
                f"{counted(len(values), 'picture')}: it needs (pictures, classes), or one score of "
                "the second of two classes"
            )
        return scores[:number]


def open_model(
    file: str | Path,
    *,
    output: str | None = None,
    providers: Sequence[str] = ("CPU",),
    threads: int | None = None,
) -> OnnxModel:
    """Open a model.

    Args:
        file: an ONNX file.
        output: which output holds the scores of the classes; it may be left out if there is one.
        providers: what runs it, in order of preference: names of execution providers of ONNX
            Runtime, "CUDA" for "CUDAExecutionProvider" for instance.
        threads: that it uses; one for each core if None.

    Raises:
        UserError: no such file; not a model that ONNX Runtime can run; another input than
            pictures; no such output, or several and none is named; a provider that ONNX Runtime
            does not have here, or cannot start.
    """
    chosen = [_provider(name) for name in providers]
    name = repr(str(file))
    if not Path(file).is_file():
        raise UserError(f"{name} is not a file: give an ONNX model")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads or 0
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=chosen)
    except Exception as error:  # ONNX Runtime's exceptions have no common class of their own.
        raise UserError(
            f"{name} is not an ONNX model that ONNX Runtime can run ({_reason(error)}); export it "
            "again"
        ) from None
    if session.get_providers()[0] != chosen[0]:  # It falls back to another without a word.
        raise UserError(
            f"ONNX Runtime cannot start {chosen[0]} on this machine; check its driver and "
            "libraries, or leave --provider out"
        )
    inputs = session.get_inputs()
    if len(inputs) == 1 and inputs[0].shape and inputs[0].shape[0] == 0:
        raise UserError(
            f"{name} takes batches of 0 pictures: export it with a batch of any size, or "
            "of at least 1"
        )
    if len(inputs) != 1 or inputs[0].type not in INPUTS or len(inputs[0].shape) != 4:
        some = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
        raise UserError(
            f"{name} has the inputs {some}: it needs one, four-dimensional, of float or "
            "uint8 pictures"
        )
    return OnnxModel(session, _chosen_output(session, output, name), _is_dynamic(file))


def _provider(name: str) -> str:
    """An execution provider's whole name, given with or without its last words, in any case."""
    known = {
        one.removesuffix(PROVIDER).lower(): one for one in onnxruntime.get_available_providers()
    }
    short = name.lower().removesuffix(PROVIDER.lower())
    if short not in known:
        listed = ", ".join(one.removesuffix(PROVIDER) for one in known.values())
        raise UserError(
            f"ONNX Runtime has no execution provider {name!r} here: it has {listed}; install the "
            f"package of it that has more{did_you_mean(short, known)}"
        )
    return known[short]


def _chosen_output(session: Any, output: str | None, model: str) -> str:
    names = [one.name for one in session.get_outputs()]
    listed = ", ".join(map(repr, names[:MOST_NAMES])) + (", ..." if names[MOST_NAMES:] else "")
    if output is None and len(names) > 1:
        raise UserError(
            f"{model} has {len(names)} outputs: {listed}; say by --output which of them holds the "
            "scores of the classes"
        )
    if output is not None and output not in names:
        raise UserError(
            f"{model} has no output {output!r}: it has {listed}{did_you_mean(output, names)}"
        )
    chosen = names[0] if output is None else output
    kind = next(one.type for one in session.get_outputs() if one.name == chosen)
    if not kind.startswith("tensor(") or kind in ("tensor(string)", "tensor(bool)"):
        raise UserError(
            f"{model}: its output {chosen!r} holds {kind}, which are no scores of classes; give "
            "another by --output, or export it again"
        )
    return chosen


def _is_dynamic(file: str | Path) -> bool:
    """Whether a graph has an operator that takes its scale from the whole batch."""
    with open(file, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as text:
        return text.find(DYNAMIC) >= 0


def _reason(error: Exception) -> str:
    """What ONNX Runtime says, less codes, the file's path and places in its source."""
    return NO_REASON.sub("", " ".join(str(error).split()))[:MOST_LETTERS]
