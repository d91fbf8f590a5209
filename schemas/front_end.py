"""The one description of the audio front end: Python's features, the models' metadata and the C header come from it."""

import dataclasses
import math
from typing import Any

CMVN_MEMORY_WINDOWS = (
    240  # of what was heard of a speaker: older windows fade, so that another speaker is learned in time
)

PROSODY = ("pitch", "voicing", "energy")  # columns that may stand behind the MFCCs: ser_tinyml/audio/prosody.py


@dataclasses.dataclass(frozen=True)
class FrontEnd:
    """What decides a window's MFCCs, and where windows are: librosa 0.11's defaults, which firmware computes too.

    The window function is a periodic Hann, the spectrum is power, mel bands are Slaney's with Slaney normalisation,
    `power_to_db` has reference 1, and the DCT is orthonormal and of type II.
    """

    sample_rate: int = 16_000  # Hz, after resampling
    window_samples: int = 24_000  # what one inference hears: 1.5 s
    n_fft: int = 2048
    hop_length: int = 512  # samples between frames
    center: bool = (
        True  # frame 0 lies around a window's first sample, with zeros before it; else it begins with that sample
    )
    n_mels: int = 128
    fmin: float = 0.0  # Hz; what is below, neither mel bands nor prosody hear
    fmax: float = 8_000.0  # Hz
    amin: float = 1e-10  # floor of the power before the logarithm
    top_db: float = 80.0  # floor of log-mel cells below the window's loudest one, dB; 0: amin is the only floor
    n_mfcc: int = 13
    window_hop_samples: int = 8_000  # from one window of an utterance to the next
    lead_samples: int = 1_600  # of an utterance's first window, before its speech begins
    prosody: tuple[str, ...] = ()  # columns of PROSODY, in its order
    streaming: bool = False  # the network goes on from window to window of an utterance, which lie frame behind frame
    cmvn_prior_windows: int = 0  # 0: constants standardise. Else what was heard of the speaker does, see `Heard`

    @property
    def n_frames(self) -> int:
        """The number of frames in a window; 47 by default."""
        return 1 + (self.window_samples - (0 if self.center else self.n_fft)) // self.hop_length

    @property
    def shares_frames(self) -> bool:
        """Whether a device computes each frame once, for all windows that it is in.

        Its voice gate takes some 0.2 s to open, and bridges pauses of 0.5 s: before that no window may end, or no other one.
        """
        return (
            not self.center
            and self.hop_length <= min(self.n_fft, self.sample_rate // 8)
            and self.window_hop_samples % (2 * self.hop_length) == 0
            and min(self.window_hop_samples, self.window_samples) >= self.sample_rate // 2
        )

    @property
    def floor_depth_db(self) -> float:
        """How far the floor is below the loudest cell of a window, dB; infinite where `amin` alone is the floor.

        Only then a frame's features are known when the frame is there.
        """
        return self.top_db or math.inf

    @property
    def window_step_samples(self) -> int:
        """The number of samples of which a window's start is a multiple: two frames, which share a transform, or any."""
        return 2 * self.hop_length if self.shares_frames else 1

    @property
    def n_features(self) -> int:
        """The number of values in a frame: the MFCCs, then prosody."""
        return self.n_mfcc + len(self.prosody)

    def to_dict(self) -> dict[str, Any]:
        """Returns all parameters, for metadata."""
        return dataclasses.asdict(self) | {"prosody": list(self.prosody)}

    @classmethod
    def from_dict(cls, parameters: dict) -> "FrontEnd":
        """Returns the front end of `to_dict`'s result; an unknown parameter raises TypeError."""
        return cls(**parameters | {"prosody": tuple(parameters.get("prosody", ()))})


@dataclasses.dataclass(frozen=True)
class Standardisation:
    """Constants of the affine map `(value - mean) / deviation` between the front end and a model's input.

    Frames of zeros are padding (`--padding=features`), and stay zeros: mapped, they would be louder than any speech. No real
    frame is all zeros, so a device, which pads nothing, needs the map alone.
    """

    mean: tuple[float, ...]  # [n_features]
    deviation: tuple[float, ...]  # [n_features]

    @classmethod
    def identity(cls, n_features: int) -> "Standardisation":
        """Returns the constants for a model that takes raw features."""
        return cls((0.0,) * n_features, (1.0,) * n_features)

    @classmethod
    def from_dict(cls, constants: dict) -> "Standardisation":
        """Reads `{"mean": [...], "deviation": [...]}`."""
        return cls(tuple(constants["mean"]), tuple(constants["deviation"]))

    def to_dict(self) -> dict[str, list[float]]:
        """Returns what `from_dict` reads."""
        return {"mean": list(self.mean), "deviation": list(self.deviation)}
