"""The documents that steps leave for one another. `ser_tinyml.store.run_files` reads and writes them.

In JSON each also has its KIND and VERSION. The version goes up whenever a field changes its name, type or meaning.
"""

import dataclasses
from typing import Any, ClassVar, Literal

from schemas.front_end import FrontEnd, Standardisation

# ---- every step's folder ----


@dataclasses.dataclass(frozen=True)
class Artifact:
    """What a step made in its folder."""

    KIND: ClassVar[str] = "artifact"
    VERSION: ClassVar[int] = 2
    FILE_NAME: ClassVar[str] = "artifact.json"

    step: str
    finished: bool
    files: dict[str, str]  # name below the folder -> hexadecimal SHA-256, "" of a log; none while the step is at work
    seal: str  # hexadecimal SHA-256 of the three above: the record, too, is as it was left


# ---- ROOT ----


@dataclasses.dataclass(frozen=True)
class StepRun:
    """A step's last finished run."""

    code: str  # a digest of the step's modules
    libraries: dict[str, str]  # name -> version
    parameters: dict[str, Any]
    inputs: dict[str, str]  # what it read -> a digest
    output: str  # a digest of what it made


@dataclasses.dataclass(frozen=True)
class RunHistory:
    """What each step of a pipeline read, made and was run with."""

    KIND: ClassVar[str] = "lineage"
    VERSION: ClassVar[int] = 1
    FILE_NAME: ClassVar[str] = "lineage.json"

    steps: dict[str, StepRun]


# ---- ROOT/manifest ----

SplitProtocol = Literal["speaker", "clip", "notebook", "test"]


@dataclasses.dataclass(frozen=True)
class ManifestSummary:
    """How the recordings were divided. The number of files is that of clips, excluded and quarantined ones."""

    KIND: ClassVar[str] = "manifest summary"
    VERSION: ClassVar[int] = 3
    FILE_NAME: ClassVar[str] = "summary.json"

    files: int  # found in the corpora
    clips: int  # rows of the manifest
    excluded: dict[str, int]  # reason -> recordings
    quarantined: dict[str, int]  # reason -> recordings
    other_files: dict[str, int]  # suffix -> files that aren't named as sound, which no count above holds
    protocol: SplitProtocol
    fold: str  # of a cross-validation, or ""
    validation_fraction: float  # of speakers, clips or copies: see the protocol
    test_fraction: float
    salt: int  # of the hashes that rank speakers
    synthetic: bool
    labels: tuple[str, ...]  # the classes, in the order of a model's outputs
    leds: tuple[str, ...]  # the colour of each class on the board's LED, #RRGGBB
    label_of_emotion: dict[str, str]  # what a corpus calls an emotion -> its class
    corpora: tuple[str, ...]  # of which clips are in use
    train_only: tuple[str, ...]  # corpora whose speakers are never held out
    clips_of_label: dict[str, dict[str, int]]  # split -> class -> clips
    speakers: dict[str, tuple[str, ...]]  # split -> `corpus/speaker`


# ---- ROOT/examples ----


@dataclasses.dataclass(frozen=True)
class Shards:
    """Records, and the names of the files that hold them."""

    examples: int
    shards: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Split(Shards):
    """The records of a split."""

    labels: dict[str, int]  # -> records
    corpora: dict[str, int]  # -> records


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A finished dataset: what its records are, and where."""

    KIND: ClassVar[str] = "dataset"
    VERSION: ClassVar[int] = 3
    FILE_NAME: ClassVar[str] = "dataset.json"

    digest: str  # of all records, whatever the shards
    synthetic: bool
    labels: tuple[str, ...]  # of which a record's label is the index
    leds: tuple[str, ...]  # the colour of each class on the board's LED, #RRGGBB
    label_of_emotion: dict[str, str]  # what a corpus calls an emotion -> its class
    front_end: FrontEnd
    standardisation: Standardisation  # of the training split; of the test split where all is that
    parameters: dict[str, Any]  # that the data job ran with
    decoded: int  # clips
    quarantined: dict[str, int]  # reason -> clips that could not be decoded
    splits: dict[str, Split]
    audio: Shards  # the sound of the test split's windows


# ---- ROOT/model ----


@dataclasses.dataclass(frozen=True)
class TrainedOn:
    """Who and what was heard when a model was made, in the training and the validation split, as hashes.

    Of a hash the first 16 hexadecimal digits of a SHA-256 are kept, sorted.
    """

    speakers: tuple[str, ...]  # of `corpus/speaker`
    clips: tuple[str, ...]  # of the clip id
    has_unnamed_speakers: bool  # whether nobody named the speaker of some of the clips


@dataclasses.dataclass(frozen=True)
class Training:
    """A trained model: what it takes and gives, and all that is needed to train it again."""

    KIND: ClassVar[str] = "training"
    VERSION: ClassVar[int] = 2
    FILE_NAME: ClassVar[str] = "training.json"

    model: str  # file name of the Keras model
    fake_quantized: str | None  # file name of the network with int8's roundings, of quantization-aware training
    labels: tuple[str, ...]
    front_end: FrontEnd
    standardisation: Standardisation
    synthetic: bool
    dataset_digest: str
    dataset_parameters: dict[str, Any]
    splits: dict[str, int]  # split -> records
    parameters: dict[str, Any]
    libraries: dict[str, str]  # name -> version
    trainable_parameters: int
    updates_an_epoch: int
    epochs_trained: dict[str, int]  # stage of training -> epochs
    best_epoch: int  # from 1, over all stages: whose weights were kept
    best_validation_uar: float
    temperature: float  # by which the logits were divided
    trained_on: TrainedOn


# ---- ROOT/export ----


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor of a TFLite model; scale and zero point are of a per-tensor quantization: real = scale * (q - zero_point)."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None
    zero_point: int | None


@dataclasses.dataclass(frozen=True)
class ModelDescription:
    """A TFLite model's operators in order, its tensors, input and output."""

    operators: tuple[str, ...]
    tensors: tuple[Tensor, ...]
    input: Tensor
    output: Tensor


@dataclasses.dataclass(frozen=True)
class ExportedFile:
    """One file of an export."""

    bytes: int
    sha256: str
    model: ModelDescription | None  # of a TFLite file


@dataclasses.dataclass(frozen=True)
class Bound:
    """The range of a number that the generated engine computes, whatever its input, and the range that it must not leave."""

    layer: str
    quantity: str
    smallest: int
    largest: int
    at_least: int
    at_most: int

    @property
    def used(self) -> float:
        """The share of what is allowed that is reached, to the side where it is larger."""
        ends = ((self.smallest, self.at_least), (self.largest, self.at_most))
        return max((found / allowed for found, allowed in ends if allowed), default=0.0)


@dataclasses.dataclass(frozen=True)
class Export:
    """An exported model."""

    KIND: ClassVar[str] = "export"
    VERSION: ClassVar[int] = 5
    FILE_NAME: ClassVar[str] = "export.json"

    model_path: str  # of a model from elsewhere; "" of the trained one
    model_sha256: str
    add_softmax: bool  # whether one was put behind the model from elsewhere
    allow_model_code: bool  # whether its author's code may run
    labels: tuple[str, ...]  # in the order of the outputs
    leds: tuple[str, ...]  # the colour of each on the board's LED, #RRGGBB
    front_end: FrontEnd
    standardisation: Standardisation
    arena_bytes: int  # smallest in which TFLM runs the int8 file on a 64-bit host
    engine_lacks: str  # what the generated engine would need to run the model; "" where it runs it
    bounds: tuple[Bound, ...]  # of each layer's numbers, proved from its weights; none where the engine lacks something
    label_of_emotion: dict[str, str]  # what a corpus calls an emotion -> its class
    reject_below: float  # the likeliest class's probability, below which an answer is uncertain; 0: none is
    calibration_examples: int
    dataset_digest: str  # of the records that calibrated it
    synthetic: bool
    trained_on: TrainedOn | None  # None of a model from elsewhere: nobody here knows
    files: dict[str, ExportedFile]

    @property
    def formats(self) -> tuple[str, ...]:
        """The TFLite files that there are, of "float", "dynamic" and "int8", the last of which always is."""
        return tuple(name for name in ("float", "dynamic", "int8") if f"ser_{name}.tflite" in self.files)

    @property
    def is_tflite(self) -> bool:
        """Whether a TFLite file was brought, so that there is no Keras model."""
        return self.formats == ("int8",)

    def describe(self, name: str) -> ModelDescription:
        """Returns the description of one of the TFLite files."""
        described = self.files[name].model
        assert described is not None, f"{name} is no TFLite file"
        return described


# ---- ROOT/evaluation ----


Interval = tuple[float, float]  # lower and upper end, of 95 %

Question = Literal["faithful", "good enough"]  # does it compute what was trained, and is that any good?


@dataclasses.dataclass(frozen=True)
class Gate:
    """A condition that a model must hold, judged: `value` is at most, at least, or above `threshold`."""

    name: str
    value: float
    bound: Literal["at most", "at least", "above"]
    threshold: float
    unit: str
    passed: bool
    question: Question


@dataclasses.dataclass(frozen=True)
class Scores:
    """Metrics over some clips; macro-F1 and UAR (unweighted average recall) are of the classes that occur."""

    clips: int
    accuracy: float
    macro_f1: float
    uar: float
    intervals: dict[str, Interval]  # metric -> its interval over speakers; none where it was not asked for


@dataclasses.dataclass(frozen=True)
class ClassScores:
    """Metrics of one class; what has no denominator is 0."""

    precision: float
    recall: float
    f1: float
    clips: int
    recall_interval: Interval | None  # over speakers; None where no clip is of the class, or it was not asked for


HEARD_BEFORE = "heard before"  # by how much was heard of a clip's speaker before it
ALONE = "nothing: each clip alone"  # of all clips, whatever was heard before them
BEHIND_A_STRANGER = "another speaker"  # of all clips, each behind windows of another


@dataclasses.dataclass(frozen=True)
class ModelEvaluation:
    """One runtime's model on the held-out clips."""

    bytes: int
    latency_ms: float  # median of single windows
    agreement: float  # share of clips that get the class that Keras gives
    calibration_error: float
    scores: Scores
    per_class: dict[str, ClassScores]
    confusion: tuple[tuple[int, ...], ...]  # [true class][predicted class], clips
    slices: dict[str, dict[str, Scores]]  # by what the clips are divided ("corpus", "speaker", ...) -> part -> scores

    @property
    def occurring(self) -> dict[str, ClassScores]:
        """The classes that some clip is of."""
        return {label: scores for label, scores in self.per_class.items() if scores.clips}

    @property
    def alone(self) -> Scores | None:
        """Of all clips, each as if nothing had been heard of its speaker before; None of a model to which that is the same,
        and of forms that are not flashed."""
        return self.slices.get(HEARD_BEFORE, {}).get(ALONE)

    @property
    def worst_class(self) -> str:
        """The class that is found worst, of those that occur."""
        return min(self.occurring, key=lambda label: self.occurring[label].recall)

    @property
    def chance(self) -> float:
        """The UAR of an answer that is always the same, or drawn blindly from the classes that occur."""
        return 1 / len(self.occurring)


@dataclasses.dataclass(frozen=True)
class OutputComparison:
    """How far the int8 outputs of two runtimes are apart, window by window."""

    windows: int
    same_class: int
    identical_outputs: int
    largest_difference: int  # of 256


@dataclasses.dataclass(frozen=True)
class Heard:
    """Which of the judged clips training knew."""

    speakers: tuple[str, ...]  # as `corpus/speaker`
    clips: int
    has_unnamed_speakers: bool  # whether nobody named the speaker of a clip that is judged, or that trained the model


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A model against another on the same clips: of each metric, how much more the first has."""

    other: str  # where the other's evaluation is
    clips: int
    difference: dict[str, float]
    intervals: dict[str, Interval]  # of the difference, over speakers


@dataclasses.dataclass(frozen=True)
class ReliabilityBin:
    """The clips whose likeliest class has a probability from `lower` to `upper`, and how often that class is right."""

    lower: float
    upper: float
    clips: int
    probability: float  # mean
    accuracy: float


@dataclasses.dataclass(frozen=True)
class CoveragePoint:
    """What is left, and how good it is, where an answer below a probability is "uncertain"."""

    threshold: float
    coverage: float  # share of clips that get an answer
    accuracy: float  # of these; 0 where there are none


@dataclasses.dataclass(frozen=True)
class NoiseLevel:
    """Scores with noise of one kind and level: dB of speech above the noise, of hiss dB of full scale."""

    kind: str  # white, hum, babble, hiss
    level: int
    scores: Scores


@dataclasses.dataclass(frozen=True)
class Occasion:
    """When and how something was made."""

    when: str  # ISO 8601, UTC
    command: str
    version: str
    commit: str  # "+" behind it: with files changed; "" where the code is in no repository


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Every export against the held-out clips, and the gates."""

    KIND: ClassVar[str] = "evaluation"
    VERSION: ClassVar[int] = 3
    FILE_NAME: ClassVar[str] = "evaluation.json"

    split: str
    clips: int
    windows: int
    labels: tuple[str, ...]
    protocol: str  # a key of ser_tinyml.judging.protocols.PROTOCOLS, found by comparing these clips with what trained the model
    heard: Heard | None  # None where nobody knows what trained the model
    synthetic: bool
    dataset_digest: str
    models: dict[str, ModelEvaluation]  # by runtime; the first is what the others are compared with
    flashed: str  # the runtime whose figures are the device's, which the gates of "good enough" judge
    tflm_against_int8: OutputComparison | None  # None where there is no int8 file
    noisy: dict[str, Scores]  # by runtime, on the same clips with noise; empty where the dataset has none
    reliability: tuple[ReliabilityBin, ...]  # of what is flashed, as are the next two
    coverage: tuple[CoveragePoint, ...]
    reject_below: float  # the model's own threshold; 0 of one that has none
    noise_curve: tuple[NoiseLevel, ...]  # on some of the clips, int8 by TFLite; empty where no sound of them is at hand
    baseline: Comparison | None  # with another run, where one was named
    gates: tuple[Gate, ...]
    blessed: bool  # whether every gate holds: the exports are faithful, and the model is good enough
    occasion: Occasion

    @property
    def labels_without_clips(self) -> tuple[str, ...]:
        """The classes that no held-out clip is of: UAR and macro-F1 average the others."""
        models = list(self.models.values())
        return tuple(label for label in self.labels if models and not models[0].per_class[label].clips)


# ---- ROOT/board ----


@dataclasses.dataclass(frozen=True)
class Replay:
    """The held-out windows on the firmware, from sound, on this machine and on the emulated board."""

    windows: int
    clips: int
    agreement: float  # share of clips that get the class that TFLM gives Python's features
    bit_exact: bool  # whether the engine gave TFLM's bits for every window's features, on host and board
    bit_exact_share: float  # of windows, on the host
    differing_features: float  # share of int8 features that are not Python's
    largest_feature_difference: int
    macs: int  # multiply-accumulates of a window


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """What one layer of the engine takes."""

    number: int  # in the graph, from 1
    name: str
    instructions: int  # of a window


@dataclasses.dataclass(frozen=True)
class BoardEstimate:
    """What a real board takes for a decision, estimated; nobody measured it."""

    board: str
    processor: str
    milliseconds: dict[str, float]  # part -> ms
    waiting: float  # share of these in which the processor waits for the flash
    millijoules: float  # of the processor
    duty_cycle: float  # share of the time that it works while speech is heard: a decision every hop of windows
    assumptions: tuple[str, ...]

    @property
    def total_milliseconds(self) -> float:
        """The time of all parts."""
        return sum(self.milliseconds.values())


@dataclasses.dataclass(frozen=True)
class BoardCost:
    """What the firmware takes on the emulated board. RAM includes the stack and the audio ring."""

    clips: int
    windows: int
    flash_bytes: int
    ram_bytes: int
    stack_bytes: int  # that front end and engine were seen to take
    stack_bound_bytes: int  # that the firmware can take at most, by its call graph, without interrupts
    engine_flash_bytes: int  # without weights and biases
    engine_ram_bytes: int  # with its stack
    instructions_frontend: int  # of a window
    instructions_engine: int
    instructions_arduino: dict[str, int]  # of the same with Arduino's flags (-Os, softfp, FMA): part -> instructions
    layers: tuple[LayerCost, ...]  # of the engine, as they run; what only moves values has none
    estimates: tuple[BoardEstimate, ...]  # of the real boards whose instructions these are
    libraries: dict[str, dict[str, int]]  # library -> "flash" and "ram" -> bytes


@dataclasses.dataclass(frozen=True)
class FalseAlarms:
    """What the firmware decided about a sound that is no speech."""

    sound: str
    seconds: float
    decisions: int
    announced: int  # those that were not told as uncertain

    @property
    def announced_an_hour(self) -> float:
        """How often a class would be announced in an hour of the sound."""
        return 3600 * self.announced / self.seconds


@dataclasses.dataclass(frozen=True)
class Board:
    """The firmware of a model, replayed. It is validated where all was replayed and every gate holds."""

    KIND: ClassVar[str] = "board validation"
    VERSION: ClassVar[int] = 4
    FILE_NAME: ClassVar[str] = "board.json"

    validated: bool
    skipped: tuple[str, ...]  # what was not replayed, and why
    gates: tuple[Gate, ...]
    replay: Replay | None  # None where the firmware was not built
    cost: BoardCost | None  # None without an emulator
    false_alarms: tuple[FalseAlarms, ...]  # none where the firmware was not built


# ---- what serve-model writes ----


@dataclasses.dataclass(frozen=True)
class ServedForm:
    """What a SavedModel says of held-out clips, against what the Keras model says of the same bytes or samples."""

    clips: int
    agreement: float  # share of clips that get Keras's class
    same_windows: float  # share of clips in which the windows are at the same places
    mean_difference: float  # the largest of a clip's probabilities, mean over clips
    largest_difference: float
    agreement_with_recording: float  # share that get the class that Keras gives the recording before it was encoded


@dataclasses.dataclass(frozen=True)
class Serving:
    """A SavedModel for a server, and whether it is what was trained."""

    KIND: ClassVar[str] = "serving"
    VERSION: ClassVar[int] = 1
    FILE_NAME: ClassVar[str] = "serving.json"

    model_sha256: str  # of the Keras model
    model_version: int  # the folder that it is in
    labels: tuple[str, ...]  # in the order of the probabilities
    front_end: FrontEnd
    decoders: bool  # whether it takes encoded recordings, and samples of any rate
    libraries: dict[str, str]  # name -> version, that it was tried on
    bytes: int  # of all its files
    feature_difference: float  # of a window's features from the data job's, at most
    forms: dict[str, ServedForm]  # by what it was given: samples, wav, flac, ogg, mp3
    gates: tuple[Gate, ...]
    faithful: bool  # whether every gate holds
    occasion: Occasion


# ---- what bulk writes ----


@dataclasses.dataclass(frozen=True)
class BulkPredictions:
    """What a model says of many recordings, and where. Recordings are predicted, or in quarantine."""

    KIND: ClassVar[str] = "bulk predictions"
    VERSION: ClassVar[int] = 1
    FILE_NAME: ClassVar[str] = "bulk.json"

    model: str  # its path
    model_sha256: str  # of the model that was exported; "" of a file from anywhere
    runtime: str
    labels: tuple[str, ...]
    inputs: tuple[str, ...]
    recordings: int
    predicted: int
    without_speech: int  # of those predicted
    classes: dict[str, int]  # class -> recordings
    quarantined: dict[str, int]  # reason -> recordings
    digest: str  # of all rows, whatever the shards and their format
    format: str
    shards: tuple[str, ...]
