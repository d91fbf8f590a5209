"""What decides the records, as flags."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Literal

from components.step import StepParameters, parameter
from schemas.errors import UsageError, UserError
from schemas.front_end import FrontEnd
from ser_tinyml.audio.augment import needs, resolve_copies
from ser_tinyml.audio.clip import parse_crops
from ser_tinyml.audio.decode import Acceptance
from ser_tinyml.audio.limits import check_front_end

STREAMING_FLOOR_DB = -60.0

# The names of all files that the step writes, as a regular expression.
MAKES = (
    r"(train|(validation|test)(_noisy)?|test_audio)-\d{5}-of-\d{5}\.tfrecord(\.gz)?|"
    r"quarantine\.jsonl|(statistics|dataset|croissant)\.json|schema\.pbtxt"
)


@dataclasses.dataclass(frozen=True)
class Parameters(StepParameters):
    """What decides the records."""

    crop: tuple[str, ...] = parameter(
        ("0:10",), "[CORPUS:]START:END in seconds, the part of a recording to keep; may be given for each corpus."
    )
    max_crop_seconds: float = parameter(
        60.0, "The longest crop: no more of a recording is ever decoded.", above=0, at_most=600
    )
    windows: Literal["speech", "crop"] = parameter(
        "speech",
        "speech: windows of the front end's length that cover the speech in the crop, as a device hears it, each a record. "
        "crop: the crop is the window (notebook).",
    )
    window_hop: float = parameter(0.5, "Seconds from one window of speech to the next.", at_least=0.01, at_most=10)
    sample_rate: int = parameter(
        FrontEnd.sample_rate,
        "Hz that recordings are resampled to, and that the device hears at.",
        at_least=Acceptance.min_sample_rate,
        at_most=48_000,
    )
    window_seconds: float = parameter(1.5, "Length of a window: what one inference hears.", at_least=0.05, at_most=30)
    n_fft: int = parameter(FrontEnd.n_fft, "Samples of a frame: a power of two.", at_least=32, at_most=4096)
    hop_length: int = parameter(FrontEnd.hop_length, "Samples from one frame to the next.", at_least=1, at_most=4096)
    center: bool = parameter(
        FrontEnd.center,
        "Whether the first frame lies around a window's first sample, with zeros before it. Without, and with --window_hop a "
        "multiple of two frames, a device computes each frame once, for all windows that it is in.",
    )
    n_mels: int = parameter(FrontEnd.n_mels, "Mel bands.", at_least=1, at_most=512)
    fmin: float = parameter(
        FrontEnd.fmin,
        "Hz where the lowest mel band begins; prosody leaves out what is below, too.",
        at_least=0,
        at_most=24_000,
    )
    fmax: float = parameter(
        0.0, "Hz where the highest mel band ends; 0: half the sample rate.", at_least=0, at_most=24_000
    )
    n_mfcc: int = parameter(FrontEnd.n_mfcc, "Coefficients that are kept of a frame.", at_least=1, at_most=512)
    prosody: str = parameter(
        "pitch,voicing,energy",
        'Columns behind the MFCCs of a frame: some of pitch,voicing,energy; "" for MFCCs alone. A model\'s input is as much '
        "wider.",
    )
    cmvn_prior_windows: int = parameter(
        8,
        "The mean and deviation of what was heard of the speaker before standardise the features, to which constants count as "
        "so many windows (online cepstral mean and variance normalisation). 0: the constants alone do.",
        at_least=0,
        at_most=1000,
    )
    top_db: float = parameter(
        FrontEnd.top_db,
        "What is further below a window's loudest mel cell is raised to there, dB.",
        above=0,
        at_most=200,
    )
    floor_db: float = parameter(
        0.0,
        "A fixed floor of mel cells and of the energy in place of --top_db, in dB like -60; 0: none.",
        at_least=-100,
        at_most=0,
    )
    streaming: bool = parameter(
        False,
        "The network goes on from window to window of an utterance, and starts over where the next one begins. So windows "
        "lie frame behind frame, as many pairs of frames as are nearest to --window_hop; --window_seconds and --center say "
        f"nothing. The floor is fixed, at {STREAMING_FLOOR_DB:g} dB where --floor_db names no other.",
    )
    load_rate: int = parameter(
        0,
        "0: crop at the recording's own rate and resample once. Else first resample to this rate in Hz (notebook: 22050).",
        at_least=0,
        at_most=Acceptance.max_sample_rate,
    )
    padding: Literal["waveform", "features"] = parameter(
        "waveform",
        "How a short clip fills the window: silence behind it, or zero frames before its features (notebook).",
    )
    augment: tuple[str, ...] = parameter(
        ("default",),
        "A training copy of each clip: operations joined by '|' (ser_tinyml/audio/augment.py lists them), or a preset: "
        "default, notebook, none. May be given several times.",
    )
    noisy: str = parameter("amplitude_noise:0.5", "The noisy copy of each validation and test clip.")
    noise_dir: str = parameter("", "Directory of recorded noise, for the operation recorded_noise.")
    max_channels: int = parameter(
        2,
        "A recording with more channels goes to quarantine; those of others are averaged.",
        at_least=1,
        at_most=64,
    )
    max_clipped_fraction: float = parameter(
        0.05,
        "A clip of which a larger share of samples is at full scale goes to quarantine.",
        at_least=0,
        at_most=1,
    )
    max_quarantine_fraction: float = parameter(
        0.02, "The job fails where a larger share of the clips is in quarantine.", at_least=0, at_most=1
    )
    num_shards: int = parameter(4, "Files a split.", at_least=1, at_most=1024)
    compression: Literal["gzip", "none"] = parameter("gzip", "gzip: .tfrecord.gz. none: .tfrecord.")

    def list_checks(self) -> Sequence[Callable[[], object]]:
        """Returns the checks of what is cut out, of the front end, and of the copies."""
        return (
            self._check_load_rate,
            self._check_streaming,
            lambda: parse_crops(self.crop, self.max_crop_seconds),
            self._check_front_end,
            self._check_copies,
        )

    def _check_load_rate(self) -> None:
        if 0 < self.load_rate < Acceptance.min_sample_rate:
            raise UsageError(f"--load_rate={self.load_rate}: 0, or at least {Acceptance.min_sample_rate} Hz")

    def _check_streaming(self) -> None:
        if self.streaming and (self.windows != "speech" or self.padding != "waveform"):
            raise UsageError(
                "--streaming hears speech as a device does: it goes with --windows=speech and --padding=waveform"
            )

    def _check_front_end(self) -> None:
        front_end = self.make_front_end()
        if (window := front_end.window_samples) < (least := max(self.n_fft, self.hop_length)):
            raise UsageError(
                f"--window_seconds={self.window_seconds}: {window} samples, at least {least} for --n_fft={self.n_fft} and "
                f"--hop_length={self.hop_length}"
            )
        try:
            check_front_end(front_end)
        except UserError as error:
            raise UsageError(f"the firmware can't have this front end: {error}") from error

    def _check_copies(self) -> None:
        copies, noisy = resolve_copies(self.augment), resolve_copies((self.noisy,))
        if len(noisy) != 1:
            raise UsageError(f"--noisy={self.noisy}: one copy, this preset has {len(noisy)}")
        if needs("recorded_noise", copies + noisy) and not self.noise_dir:
            raise UsageError("recorded_noise takes its noise from --noise_dir, which is not given")

    def make_front_end(self) -> FrontEnd:
        """Returns the front end that the flags describe."""
        rate = self.sample_rate
        floor_db = self.floor_db or (STREAMING_FLOOR_DB if self.streaming else 0.0)
        window, hop = round(self.window_seconds * rate), round(self.window_hop * rate)
        if self.streaming:
            hop = max(1, round(hop / (2 * self.hop_length))) * 2 * self.hop_length
            window = hop - self.hop_length + self.n_fft
        return FrontEnd(
            sample_rate=rate,
            window_samples=window,
            n_fft=self.n_fft,
            hop_length=self.hop_length,
            center=self.center and not self.streaming,
            n_mels=self.n_mels,
            fmin=self.fmin,
            fmax=self.fmax or rate / 2,
            n_mfcc=self.n_mfcc,
            top_db=0.0 if floor_db else self.top_db,
            amin=10 ** (floor_db / 10) if floor_db else FrontEnd.amin,
            prosody=tuple(name.strip() for name in self.prosody.split(",") if name.strip()),
            window_hop_samples=hop,
            lead_samples=round(FrontEnd.lead_samples / FrontEnd.sample_rate * rate),
            streaming=self.streaming,
            cmvn_prior_windows=self.cmvn_prior_windows,
        )
