"""Augmented copies of a window: named, parameterised operations.

A copy is a text of operations joined by `|`, each `name` or `name:parameter:parameter`:

  clean                      nothing
  copy:N                     begins with copy N's samples instead of the clip's
  amplitude_noise:A          white noise of deviation A * U(0, 1) * max(x), the original notebook's rule
  snr_noise:LOW:HIGH         white noise at a signal-to-noise ratio of U(LOW, HIGH) dB
  hiss:LOW:HIGH              white noise of U(LOW, HIGH) dB of full scale, as a microphone has of its own
  hum:LOW:HIGH               mains hum of 49 to 61 Hz with overtones at such a ratio
  babble:LOW:HIGH            3 to 8 other speakers of the training split at once, at such a ratio
  recorded_noise:LOW:HIGH    a part of a file of --noise_dir at such a ratio
  gain:LOW:HIGH              U(LOW, HIGH) dB
  time_shift:LOW:HIGH        U(LOW, HIGH) seconds later (below 0: earlier), with silence where nothing was
  speed:LOW:HIGH             resampling: U(LOW, HIGH) times as fast, and as high
  time_stretch:RATE          phase vocoder; below 1 is slower; what was no more than a window is none longer
  time_stretch:LOW:HIGH      the same, at a rate of U(LOW, HIGH)
  pitch_shift:SEMITONES      phase vocoder and resampling, the length is kept
  pitch_shift:LOW:HIGH       the same, by U(LOW, HIGH) semitones
  formant_shift:LOW:HIGH     resonances U(LOW, HIGH) times as high, as of a shorter vocal tract; pitch and length are kept

What is drawn at random depends on the clip's id and the copy's number alone; who babbles, on the clips of the training split,
too. A flag file holds a list of copies: one `--augment=TEXT` a line.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator

import numpy as np

from schemas.errors import UsageError
from schemas.front_end import FrontEnd
from ser_tinyml.audio import spectral
from ser_tinyml.audio.decode import Undecodable
from ser_tinyml.audio.noise import Noise, read_noise
from ser_tinyml.audio.resample import resample
from ser_tinyml.audio.talkers import Talker
from ser_tinyml.audio.talkers import babble as make_babble

PRESETS: dict[str, tuple[str, ...]] = {
    "default": (
        "clean",
        "time_shift:-0.25:0.25|gain:-12:6|hiss:-80:-50",
        "time_shift:-0.25:0.25|snr_noise:0:30",
        "speed:0.87:1.15|time_shift:-0.25:0.25|hum:5:40",
        "speed:0.87:1.15|time_shift:-0.25:0.25|snr_noise:0:30|gain:-12:6",
        "pitch_shift:-2.5:2.5|time_shift:-0.25:0.25|hiss:-80:-50",
        "time_stretch:0.8:1.25|time_shift:-0.25:0.25|babble:0:30",
        "speed:0.87:1.15|time_shift:-0.25:0.25|gain:-12:6|hum:5:40",
    ),
    "notebook": ("amplitude_noise:0.5", "copy:0|time_stretch:0.8|pitch_shift:0.7"),
    "none": ("clean",),
}


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What operations know beside the samples."""

    front_end: FrontEnd
    noises: tuple[Noise, ...] = ()  # of --noise_dir
    talkers: tuple[Talker, ...] = ()  # who babble

    def without(self, speaker: str) -> "Surroundings":
        """Returns what is around a speaker, who is not heard behind himself."""
        others = tuple(talker for talker in self.talkers if talker.speaker != speaker)
        return dataclasses.replace(self, talkers=others)


Operation = Callable[..., np.ndarray]


def clean(samples: np.ndarray, _around: Surroundings, _rng: np.random.Generator) -> np.ndarray:
    """Returns the samples as they are."""
    return samples


def amplitude_noise(
    samples: np.ndarray, _around: Surroundings, rng: np.random.Generator, amplitude: float
) -> np.ndarray:
    """Adds white noise whose deviation is `amplitude * U(0, 1) * max(samples)`."""
    deviation = amplitude * rng.uniform() * samples.max()
    return samples + np.float32(deviation) * rng.standard_normal(len(samples), np.float32)


def snr_noise(
    samples: np.ndarray, _around: Surroundings, rng: np.random.Generator, low: float, high: float
) -> np.ndarray:
    """Adds white noise at a signal-to-noise ratio of U(low, high) dB."""
    deviation = _rms(samples) * 10 ** (-rng.uniform(low, high) / 20)
    return samples + np.float32(deviation) * rng.standard_normal(len(samples), np.float32)


def hiss(samples: np.ndarray, _around: Surroundings, rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """Adds white noise whose level is U(low, high) dB of full scale, however loud the samples are."""
    deviation = 10 ** (rng.uniform(low, high) / 20)
    return samples + np.float32(deviation) * rng.standard_normal(len(samples), np.float32)


def hum(samples: np.ndarray, around: Surroundings, rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """Adds mains hum at a signal-to-noise ratio of U(low, high) dB: a tone and overtones, each as loud as it happens."""
    ratio, hertz = rng.uniform(low, high), rng.uniform(_LOWEST_HUM_HZ, _HIGHEST_HUM_HZ)
    angle = 2 * np.pi * hertz / around.front_end.sample_rate * np.arange(len(samples))
    tones = range(1, _HUM_TONES + 1)
    noise = sum(rng.uniform() / n * np.sin(n * angle + rng.uniform(0, 2 * np.pi)) for n in tones)
    return (samples + noise * (_rms(samples) / _rms(noise) * 10 ** (-ratio / 20))).astype(np.float32)


def babble(samples: np.ndarray, around: Surroundings, rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """Adds other speakers at a signal-to-noise ratio of U(low, high) dB; nothing where there are none."""
    ratio, count = rng.uniform(low, high), int(rng.integers(_FEWEST_TALKERS, _MOST_TALKERS, endpoint=True))
    rate = around.front_end.sample_rate
    noise = make_babble(around.talkers, count, rng=rng, length=len(samples), sample_rate=rate)
    if noise is None or not (level := _rms(noise)):
        return samples
    return (samples + noise * (_rms(samples) / level * 10 ** (-ratio / 20))).astype(np.float32)


def recorded_noise(
    samples: np.ndarray, around: Surroundings, rng: np.random.Generator, low: float, high: float
) -> np.ndarray:
    """Adds recorded noise at a signal-to-noise ratio of U(low, high) dB: any file, from anywhere in it; short ones repeat.

    Where the noise itself is silent nothing is added. Raises Undecodable (bad_noise) where it can't be read.
    """
    noise = around.noises[rng.integers(len(around.noises))]
    position, ratio = rng.uniform(), rng.uniform(low, high)
    try:
        recording = read_noise(noise, position, length=len(samples), sample_rate=around.front_end.sample_rate)
    except Undecodable as error:
        raise Undecodable("bad_noise", f"{noise.path}: {error}") from error
    level = _rms(recording)
    if not level:
        return samples
    return (samples + recording * (_rms(samples) / level * 10 ** (-ratio / 20))).astype(np.float32)


def gain(samples: np.ndarray, _around: Surroundings, rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """Scales by U(low, high) dB."""
    return (samples * 10 ** (rng.uniform(low, high) / 20)).astype(np.float32)


def time_shift(
    samples: np.ndarray, around: Surroundings, rng: np.random.Generator, low: float, high: float
) -> np.ndarray:
    """Moves the signal U(low, high) seconds later; the length is kept."""
    shift = round(rng.uniform(low, high) * around.front_end.sample_rate)
    shift = max(-len(samples), min(len(samples), shift))
    silence = np.zeros(abs(shift), samples.dtype)
    return np.concatenate([samples[-shift:], silence] if shift < 0 else [silence, samples[: len(samples) - shift]])


def speed(samples: np.ndarray, around: Surroundings, rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """Plays U(low, high) times as fast, which changes pitch, too."""
    rate = around.front_end.sample_rate
    return resample(samples, round(rng.uniform(low, high) * rate), rate)


def time_stretch(samples: np.ndarray, around: Surroundings, rng: np.random.Generator, *rates: float) -> np.ndarray:
    """Changes speed and keeps pitch; of a window that becomes longer the first window is kept."""
    window = around.front_end.window_samples
    return spectral.time_stretch(samples, _draw(rng, rates), window if len(samples) <= window else None)


def pitch_shift(samples: np.ndarray, around: Surroundings, rng: np.random.Generator, *semitones: float) -> np.ndarray:
    """Changes pitch and keeps speed."""
    return spectral.pitch_shift(samples, around.front_end.sample_rate, _draw(rng, semitones))


def formant_shift(
    samples: np.ndarray, around: Surroundings, rng: np.random.Generator, low: float, high: float
) -> np.ndarray:
    """Moves the resonances of the vocal tract to U(low, high) times their frequencies, and keeps pitch and length."""
    return spectral.formant_shift(samples, around.front_end.sample_rate, rng.uniform(low, high))


def _draw(rng: np.random.Generator, bounds: tuple[float, ...]) -> float:
    return bounds[0] if len(bounds) == 1 else rng.uniform(bounds[0], bounds[1])


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


@dataclasses.dataclass(frozen=True)
class _Effect:
    """An operation, and the parameters that it takes."""

    operation: Operation
    counts: tuple[int, ...]  # of its parameters
    least: float = 0.0  # of each parameter
    most: float = 0.0


_LOWEST_HUM_HZ, _HIGHEST_HUM_HZ, _HUM_TONES = 49.0, 61.0, 12
_FEWEST_TALKERS, _MOST_TALKERS = 3, 8
_SLOWEST, _FASTEST = 0.1, 10.0
_EFFECTS = {
    "clean": _Effect(clean, (0,)),
    "amplitude_noise": _Effect(amplitude_noise, (1,), least=0, most=10),
    "snr_noise": _Effect(snr_noise, (2,), least=-100, most=200),
    "hiss": _Effect(hiss, (2,), least=-200, most=0),
    "hum": _Effect(hum, (2,), least=-100, most=200),
    "babble": _Effect(babble, (2,), least=-100, most=200),
    "recorded_noise": _Effect(recorded_noise, (2,), least=-100, most=200),
    "gain": _Effect(gain, (2,), least=-200, most=100),
    "time_shift": _Effect(time_shift, (2,), least=-600, most=600),
    "speed": _Effect(speed, (2,), least=_SLOWEST, most=_FASTEST),
    "time_stretch": _Effect(time_stretch, (1, 2), least=_SLOWEST, most=_FASTEST),
    "pitch_shift": _Effect(pitch_shift, (1, 2), least=-12, most=12),
    "formant_shift": _Effect(formant_shift, (2,), least=0.5, most=2),
}
_RATES = ("speed", "time_stretch")


@dataclasses.dataclass(frozen=True)
class _Step:
    """One operation of a copy's text, with its parameters."""

    name: str
    parameters: list[float]


def resolve_copies(values: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the texts of all copies: a preset's name stands for its own.

    Raises:
      UsageError: a text has no meaning, or its operations together change the clip's length more than one alone may.
    """
    copies = tuple(text for value in values for text in PRESETS.get(value, (value,)))
    speeds: list[tuple[float, float]] = []  # the lowest and the highest that each copy can have
    for number, text in enumerate(copies):
        start, steps = _parse(text, number)
        low, high = (1.0, 1.0) if start is None else speeds[start]
        for step in steps:
            if step.name in _RATES:
                low, high = low * min(step.parameters), high * max(step.parameters)
            if low < _SLOWEST or high > _FASTEST:
                raise UsageError(f"augmentation {text!r}: all in all {_SLOWEST:g} to {_FASTEST:g} times as fast")
        speeds.append((low, high))
    return copies


def needs(operation: str, copies: tuple[str, ...]) -> bool:
    """Tells whether one of the copies needs an operation."""
    return any(step.name == operation for number, text in enumerate(copies) for step in _parse(text, number)[1])


def make_copies(
    samples: np.ndarray, clip_id: str, copies: tuple[str, ...], *, around: Surroundings
) -> Iterator[np.ndarray]:
    """Yields the copies of a clip, one after the other.

    Args:
      samples: float32 [samples], at the front end's rate.
      clip_id: what the random numbers come from, with the copy's number.
      copies: texts as above.
      around: gives the sample rate, the window and the recorded noises.

    Yields:
      float32 [samples] a copy; lengths may differ.
    """
    made: list[np.ndarray] = []
    for number, text in enumerate(copies):
        seed = hashlib.sha256(f"{clip_id}/{number}".encode()).digest()
        rng = np.random.default_rng(int.from_bytes(seed, "big"))
        start, steps = _parse(text, number)
        copy = samples if start is None else made[start]
        for step in steps:
            copy = _EFFECTS[step.name].operation(copy, around, rng, *step.parameters)
        made.append(copy)
        yield copy


def _parse(text: str, number: int) -> tuple[int | None, list[_Step]]:
    """Returns the copy that copy `number` begins with or None, and its operations; raises UsageError for what is none."""
    start: int | None = None
    steps = []
    for position, part in enumerate(text.split("|")):
        name, *values = part.strip().split(":")
        try:
            parameters = [float(value) for value in values]
        except ValueError:
            raise UsageError(f"augmentation {text!r}: the parameters of {name!r} are numbers, found {values}") from None
        if name == "copy":
            if position or len(parameters) != 1 or parameters[0] not in range(number):
                raise UsageError(
                    f"augmentation {text!r}: copy:N comes first and names an earlier copy, 0 to {number - 1}"
                )
            start = int(parameters[0])
            continue
        if name not in _EFFECTS:
            raise UsageError(f"augmentation {text!r}: unknown {name!r}; known are copy, {', '.join(_EFFECTS)}")
        effect = _EFFECTS[name]
        if len(parameters) not in effect.counts:
            counts = " or ".join(map(str, effect.counts))
            raise UsageError(f"augmentation {text!r}: {name!r} takes {counts} parameters, found {len(parameters)}")
        if not all(effect.least <= value <= effect.most for value in parameters):
            bounds = f"{effect.least:g} to {effect.most:g}"
            raise UsageError(f"augmentation {text!r}: {name!r} takes {bounds}, found {', '.join(values)}")
        if len(parameters) == 2 and parameters[0] > parameters[1]:
            raise UsageError(f"augmentation {text!r}: {name!r} takes the lower bound first")
        steps.append(_Step(name, parameters))
    return start, steps
