"""A record of ROOT/examples: what is stored of one window of one copy of one clip."""

import dataclasses

import numpy as np

CALIBRATION_EXAMPLES = 256  # whose ranges decide int8 scales, unless the exporter is told otherwise


@dataclasses.dataclass(frozen=True)
class Example:
    """One window of one copy of one clip."""

    clip_id: str
    corpus: str
    speaker: str
    emotion: str
    label: int
    copy: int
    window: int
    augmentation: str
    synthetic: bool
    mfcc: np.ndarray  # float32 [frames, coefficients], dB-like units of librosa's MFCC, not standardised
    prosody: dict[str, np.ndarray] = dataclasses.field(
        default_factory=dict
    )  # column -> float32 [frames], in PROSODY's order

    @property
    def features(self) -> np.ndarray:
        """What a model takes, before it is standardised: float32 [frames, n_features], the MFCCs and behind them prosody."""
        return np.column_stack([self.mfcc, *self.prosody.values()]) if self.prosody else self.mfcc

    @property
    def speaker_key(self) -> str:
        """The speaker's name among all corpora, like `ravdess/01`."""
        return f"{self.corpus}/{self.speaker}"


@dataclasses.dataclass(frozen=True)
class Audio:
    """What a device's microphone would have delivered of a window."""

    clip_id: str
    copy: int
    window: int
    samples: np.ndarray  # int16 [window_samples], at the front end's rate
