"""Random sounds through the C front end and through Python's, with random parameters.

`python -m tests.firmware.differential_frontend --seconds=600 [--fixed]` prints how far they were apart, and ends with
1 where one was further than single precision, or the integers' 28 bits, explain.
"""

import argparse
import collections
import dataclasses
import pathlib
import sys
import tempfile
import time

import numpy as np

from schemas.errors import UserError
from schemas.front_end import PROSODY, FrontEnd
from ser_tinyml.audio.features import compute_features
from ser_tinyml.audio.limits import FFT_SIZES, check_front_end
from tests.firmware.front_ends import CFrontEnd, build_cmsis_dsp, compile_front_end, to_float, to_int16

_MFCC_TOLERANCE = 0.05  # dB
_MFCC_TOLERANCE_FIXED = (
    0.5  # dB, less than an int8 step: 28 bits reach less far below a tone or an offset than floats do
)
_ENERGY_TOLERANCE = 0.5  # dB: beside an offset of full scale, a frame's other power has few bits left
_SOUNDS = 40  # through each front end


@dataclasses.dataclass(frozen=True)
class Difference:
    """How far C and Python are apart: the largest of an MFCC and of the energy, and the share of frames with another pitch."""

    mfcc: float
    energy: float
    other_pitch: float

    def is_small(self, *, fixed: bool = False) -> bool:
        """Tells whether it is no more than single precision, or integers, explain."""
        return self.mfcc <= (_MFCC_TOLERANCE_FIXED if fixed else _MFCC_TOLERANCE) and self.energy <= _ENERGY_TOLERANCE


def compare(front_end: FrontEnd, c_front_end: CFrontEnd, samples: np.ndarray) -> Difference:
    """Compares what C and Python make of int16 [window_samples]."""
    python = compute_features(to_float(samples), front_end, "waveform")
    apart = np.abs(c_front_end.values(samples) - python)
    assert np.isfinite(apart).all()
    columns = {name: apart[:, front_end.n_mfcc + place] for place, name in enumerate(front_end.prosody)}
    return Difference(
        mfcc=float(apart[:, : front_end.n_mfcc].max()),
        energy=float(columns.get("energy", np.zeros(1)).max()),
        other_pitch=float(np.mean(columns.get("pitch", np.zeros(1)) > 0.01)),
    )


def draw_front_end(seed: int) -> FrontEnd:
    """Returns a front end that the firmware takes."""
    rng = np.random.default_rng(seed)
    while True:
        rate = int(rng.choice([8_000, 16_000, 22_050, 32_000]))
        n_fft = int(rng.choice(FFT_SIZES))
        n_mels = int(rng.integers(3, min(160, n_fft // 2)))
        front_end = FrontEnd(
            sample_rate=rate,
            window_samples=int(rng.integers(n_fft, rate * 2)),
            n_fft=n_fft,
            hop_length=int(rng.integers(n_fft // 8, n_fft + 1)),
            center=bool(rng.integers(2)),
            n_mels=n_mels,
            fmin=float(rng.choice([0.0, 20.0, 80.0])),
            fmax=float(rate / 2 * rng.choice([1.0, 0.7])),
            amin=float(rng.choice([1e-10, 1e-6])),
            top_db=float(rng.choice([80.0, 60.0, 30.0])),
            n_mfcc=int(rng.integers(1, min(30, n_mels) + 1)),
            prosody=PROSODY if rng.integers(2) else (),
        )
        try:
            check_front_end(front_end)
        except UserError:
            continue
        return front_end


def draw_sound(rng: np.random.Generator, n: int) -> np.ndarray:
    """Returns int16 [n]: tones, noise, clicks and silence, of any loudness, clipped, one behind the other."""
    sound = np.zeros(n)
    for _ in range(rng.integers(1, 5)):
        begin, end = sorted(rng.integers(0, n + 1, 2))
        time_, loudness = np.arange(end - begin), 2.0 ** rng.uniform(0, 18)
        way = rng.integers(6)
        if way == 0:
            sound[begin:end] += loudness * np.sin(rng.uniform(0, np.pi) * time_)
        elif way == 1:
            sound[begin:end] += loudness * rng.uniform(-1, 1, end - begin)
        elif way == 2:
            sound[begin:end] += loudness * ((rng.uniform(0.001, 0.05) * time_) % 1 - 0.5)  # a buzz
        elif way == 3:
            sound[begin:end] = 0
        elif way == 4:
            sound[begin:end] += loudness * rng.choice([-1, 1])
        else:
            sound[rng.integers(0, n, 3)] += loudness
    return to_int16(sound)


def main() -> int:
    """Compares for as many seconds as the flag says; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--fixed", action="store_true", help="the front end in integers")
    arguments = parser.parse_args()
    begin, seed, worst = time.monotonic(), 0, collections.Counter[str]()
    seconds, wrong, n_sounds = arguments.seconds, 0, 0
    with tempfile.TemporaryDirectory() as name:
        cmsis_dsp = None if arguments.fixed else build_cmsis_dsp(pathlib.Path(name))
        while time.monotonic() - begin < seconds:
            front_end, rng = draw_front_end(seed), np.random.default_rng(seed)
            folder = pathlib.Path(name, str(seed))
            folder.mkdir()
            c_front_end = compile_front_end(folder, cmsis_dsp, front_end)
            for number in range(_SOUNDS):
                found = compare(front_end, c_front_end, draw_sound(rng, front_end.window_samples))
                n_sounds += 1
                for field, value in dataclasses.asdict(found).items():
                    worst[field] = max(worst[field], value)
                if not found.is_small(fixed=arguments.fixed):
                    wrong += 1
                    print(f"different: sound {number} of seed {seed}: {found}, {front_end}", flush=True)
            seed += 1
    print(
        f"{n_sounds:,} sounds through {seed:,} front ends: {wrong} different; at most {worst['mfcc']:.4f} of an MFCC, "
        f"{worst['energy']:.4f} dB of energy, another pitch in {worst['other_pitch']:.1%} of a sound's frames"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
