"""What a front end must be so that Python and the firmware compute the same, and the board can hold it."""

import numpy as np

from schemas.errors import UserError
from schemas.front_end import PROSODY, FrontEnd
from ser_tinyml.audio.mel import bin_frequencies, mel_corners
from ser_tinyml.audio.prosody import HARMONICS_HZ, HIGHEST_PITCH_HZ, LOWEST_PITCH_HZ
from ser_tinyml.store import files

FFT_SIZES = tuple(2**power for power in range(5, 13))  # what CMSIS-DSP transforms
MICROPHONE_RATES_HZ = (16_000, 41_667)  # of the Nano 33 BLE's microphone, as Arduino's PDM library starts it

_RAM_BYTES = 256 * 1024  # of an nRF52840
_RING_SLACK_SAMPLES = 1600  # beside the longest piece of work: SER_RING_SLACK_SAMPLES of firmware/app/ser_app.h


def check_front_end(front_end: FrontEnd) -> None:
    """Raises UserError, with the parameter's name, where the firmware can't compute a front end or hold it in its RAM."""
    sizes = ", ".join(map(str, FFT_SIZES))
    window, n_fft, hop = front_end.window_samples, front_end.n_fft, front_end.hop_length
    if n_fft not in FFT_SIZES:
        raise UserError(f"n_fft={n_fft}: the firmware's FFT takes one of {sizes}")
    if hop < 1:
        raise UserError(f"hop_length={hop}: expected at least one sample")
    if front_end.window_hop_samples < 1 or front_end.lead_samples < 0:
        raise UserError("windows lie at least a sample apart, and do not begin behind their speech")
    _check_bands(front_end)
    if front_end.prosody:
        _check_prosody(front_end)
    if not front_end.top_db >= 0 or not front_end.amin > 0:
        raise UserError(f"top_db={front_end.top_db:g}, amin={front_end.amin:g}: expected positive numbers")
    if front_end.streaming:
        _check_streaming(front_end)
    if (needed := working_bytes(front_end)) > _RAM_BYTES:
        raise UserError(
            f"the front end needs {needed:,} bytes of RAM for a window of {window:,} samples with {front_end.n_frames} frames, "
            f"an nRF52840 has {_RAM_BYTES:,}: lower sample_rate, window_seconds or n_mels, or raise hop_length"
        )


def read_front_end(path: str, default: FrontEnd) -> FrontEnd:
    """Reads a JSON file with parameters of a front end; those that are not in it are the default's; UserError for others."""
    try:
        return FrontEnd.from_dict(default.to_dict() | files.read_json(path))
    except TypeError as error:
        raise UserError(f"{path}: expected a JSON object with parameters of schemas/front_end.py: {error}") from error


def _check_streaming(front_end: FrontEnd) -> None:
    if not front_end.shares_frames or front_end.n_frames * front_end.hop_length != front_end.window_hop_samples:
        raise UserError(
            f"streaming goes from window to window, of {front_end.n_frames} frames, which must be as many as lie in "
            f"window_hop={front_end.window_hop_samples / front_end.sample_rate:g} s, an even number, of half a second at least"
        )
    if front_end.top_db:
        raise UserError(
            "streaming goes with a fixed floor: top_db needs a window's loudest cell, which is not known yet"
        )


def _check_bands(front_end: FrontEnd) -> None:
    fmin, fmax, n_mels, n_mfcc = front_end.fmin, front_end.fmax, front_end.n_mels, front_end.n_mfcc
    if not 0 <= fmin < fmax <= front_end.sample_rate / 2:
        raise UserError(
            f"fmin={fmin:g}, fmax={fmax:g}: the firmware's mel bands are between 0 and half the sample rate, "
            f"{front_end.sample_rate / 2:g} Hz"
        )
    if not 1 <= n_mfcc <= n_mels:
        raise UserError(f"n_mfcc={n_mfcc}: expected 1 to n_mels, {n_mels}")
    if n_mels + 1 > front_end.n_fft:
        raise UserError(f"n_mels={n_mels}: below n_fft, {front_end.n_fft}")
    corners, bins = mel_corners(front_end), bin_frequencies(front_end)
    inside = np.searchsorted(bins, corners[2:], "left") - np.searchsorted(bins, corners[:-2], "right")
    if not inside.all():
        empty = int(np.argmin(inside))
        raise UserError(
            f"n_mels={n_mels}: mel band {empty + 1}, of {corners[empty]:.0f} to {corners[empty + 2]:.0f} Hz, has no bin of an "
            f"FFT of {front_end.n_fft} samples: fewer n_mels, a wider fmin to fmax, or a larger n_fft"
        )


def _check_prosody(front_end: FrontEnd) -> None:
    if front_end.prosody != tuple(name for name in PROSODY if name in front_end.prosody):
        raise UserError(
            f"prosody={','.join(front_end.prosody)}: expected some of {','.join(PROSODY)}, each once, in this order"
        )
    if not {"pitch", "voicing"}.intersection(front_end.prosody):
        return
    if front_end.n_fft / front_end.sample_rate * LOWEST_PITCH_HZ < 2:
        raise UserError(
            f"n_fft={front_end.n_fft}: a frame of {1000 * front_end.n_fft / front_end.sample_rate:.0f} ms does not hold two "
            f"periods of {LOWEST_PITCH_HZ:g} Hz, by which pitch is found; take longer frames, or leave pitch and voicing "
            "out of --prosody"
        )
    if front_end.fmin > HIGHEST_PITCH_HZ:
        raise UserError(
            f"fmin={front_end.fmin:g}: pitch is found by harmonics from there to {HARMONICS_HZ:g} Hz; "
            f"take at most {HIGHEST_PITCH_HZ:g} Hz, or leave pitch and voicing out of --prosody"
        )


def working_bytes(front_end: FrontEnd) -> int:
    """Returns the RAM that audio ring, spectrum, log-mel spectrogram and features take, in bytes; the engine's is beside it."""
    block = front_end.sample_rate // 50
    if front_end.shares_frames:
        opening = front_end.lead_samples + 4 * block + front_end.window_step_samples
        kept, behind = max(opening, front_end.n_fft + block), 0
    else:
        kept, behind = front_end.window_samples, front_end.n_frames * front_end.n_fft // 30
    ring = 2 * (kept + _RING_SLACK_SAMPLES + behind)
    return ring + 4 * front_end.n_fft + front_end.n_frames * (2 * front_end.n_mels + front_end.n_features)
