"""Pictures of recordings, features and weights as PNG."""

import librosa
import numpy as np

from schemas.record import Example
from ser_tinyml.audio.decode import open_recording
from ser_tinyml.report.png import encode_png, new_figure

_SECONDS = 4.0  # shown of a recording
_COPIES_A_ROW = 4


def draw_recording(path: str, sha256: str) -> bytes:
    """Returns a PNG of the waveform above the spectrogram of a recording's first seconds.

    Raises:
      Undecodable: it can't be opened, or its content is not that of `sha256`.
    """
    with open_recording(path, sha256) as (file, _):
        rate = file.samplerate
        samples = file.read(int(_SECONDS * rate), dtype="float32", always_2d=True).mean(axis=1)
    seconds = len(samples) / rate
    figure = new_figure(4.2, 3.4)
    wave, spectrum = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1.6))
    wave.plot(np.arange(len(samples)) / rate, samples, linewidth=0.4)
    wave.set(ylabel="amplitude", xlim=(0, seconds))
    levels = librosa.amplitude_to_db(np.abs(librosa.stft(samples, n_fft=1024, hop_length=256)), ref=np.max)
    spectrum.imshow(levels, origin="lower", aspect="auto", extent=(0, seconds, 0, rate / 2000), vmin=-80, vmax=0)
    spectrum.set(xlabel="s", ylabel="kHz", ylim=(0, min(8, rate / 2000)))
    return encode_png(figure)


def draw_copies(copies: list[Example]) -> bytes:
    """Returns a PNG of the MFCCs of a clip's copies in rows, on one colour scale a coefficient."""
    rows, columns = -(-len(copies) // _COPIES_A_ROW), min(len(copies), _COPIES_A_ROW)
    figure = new_figure(2.7 * columns, 2.4 * rows)
    frames = np.concatenate([example.features for example in copies])
    mean, deviation = frames.mean(axis=0), frames.std(axis=0) + 1e-6
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(copies) :]:
        axes.set_axis_off()
    for axes, example in zip(grid, copies, strict=False):
        scaled = (example.features - mean) / deviation
        axes.imshow(scaled.T, origin="lower", aspect="auto", cmap="RdBu_r", vmin=-2.5, vmax=2.5)
        axes.set(xlabel="frame", ylabel="MFCC")
        axes.set_title(example.augmentation.replace("|", "\n"), fontsize=9)
    return encode_png(figure)
