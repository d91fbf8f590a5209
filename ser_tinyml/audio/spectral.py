"""Short-time Fourier transforms, and the phase vocoder's two effects: librosa's results in a fraction of its time.

Tests hold every function to librosa 0.11. Time is saved by transforming all frames in one call, in single precision where that
is enough, and by a phase vocoder without trigonometry (see `phase_vocoder`).
"""

import functools
import itertools

import numpy as np
import scipy.fft

from ser_tinyml.audio.mel import hann_window
from ser_tinyml.audio.resample import fix_length, resample

_N_FFT = 2048  # of the effects: librosa's defaults, whatever the front end uses
_HOP = _N_FFT // 4
_ENVELOPE_SECONDS = 0.002  # of the cepstrum: the shortest period of a voice, of 500 Hz
_QUIETEST = 1e-6  # magnitude of what is heard of a spectrum, whose logarithm has a floor
_MOST_CHANGE = np.log(100.0)  # 40 dB, of a resonance that moves to where nothing was
_TINY = np.finfo(np.float32).tiny  # below, float32 has no reciprocal


def stft(samples: np.ndarray, n_fft: int, hop_length: int, center: bool = True) -> np.ndarray:
    """Returns the spectra of frames under a Hann window, like `librosa.stft(pad_mode="constant")`.

    Computed in double precision, then rounded: a transform in single precision blurs cells near the 80 dB floor of a log-mel
    spectrogram, which costs 1.5e-3 in an MFCC.

    Args:
      samples: [samples], not to be changed afterwards: their spectra are kept, since a stretched copy often begins with
        those that the features of the copy before were made of.
      n_fft: samples a frame.
      hop_length: samples between frames.
      center: whether frame 0 lies around the first sample, with zeros before it, or begins with it.

    Returns:
      complex64 [frames, 1 + n_fft // 2], not to be changed.
    """
    return _stft(_Identity(samples), n_fft, hop_length, n_fft // 2 if center else 0)


class _Identity:
    """An array as a key: equal only to itself."""

    def __init__(self, samples: np.ndarray):
        self.samples = samples

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other.samples is self.samples

    def __hash__(self) -> int:
        return id(self.samples)


@functools.lru_cache(1)  # more would push other things out of the processor's cache
def _stft(signal: _Identity, n_fft: int, hop_length: int, padding: int) -> np.ndarray:
    samples, window = signal.samples, _window(n_fft)
    padded = np.zeros(len(samples) + 2 * padding)
    padded[padding : padding + len(samples)] = samples
    shape = 1 + (len(padded) - n_fft) // hop_length, n_fft
    frames = np.lib.stride_tricks.as_strided(padded, shape, (hop_length * padded.itemsize, padded.itemsize))
    return scipy.fft.rfft(frames * window, overwrite_x=True).astype(np.complex64)


@functools.lru_cache(8)
def _window(length: int) -> np.ndarray:
    return hann_window(length)


def time_stretch(samples: np.ndarray, rate: float, max_samples: int | None = None) -> np.ndarray:
    """Changes speed and keeps pitch, like `librosa.effects.time_stretch`.

    Args:
      samples: float32 [samples].
      rate: above 1 is faster.
      max_samples: compute no more of the result than this.

    Returns:
      float32 [round(samples / rate)], or the first `max_samples` of it.
    """
    length = round(len(samples) / rate)
    if max_samples is not None:
        length = min(length, max_samples)
    spectra = stft(samples, _N_FFT, _HOP)
    return _istft(phase_vocoder(spectra, rate, 1 + (length + _N_FFT // 2) // _HOP), length)


def pitch_shift(samples: np.ndarray, sample_rate: int, semitones: float) -> np.ndarray:
    """Changes pitch and keeps speed and length, like `librosa.effects.pitch_shift`.

    Args:
      samples: float32 [samples].
      sample_rate: Hz.
      semitones: above 0 is higher.

    Returns:
      float32 [samples].
    """
    rate = 2.0 ** (-semitones / 12)
    stretched = time_stretch(samples, rate)
    return fix_length(resample(stretched, sample_rate / rate, sample_rate), len(samples))


def formant_shift(samples: np.ndarray, sample_rate: int, factor: float) -> np.ndarray:
    """Moves a voice's resonances and keeps its pitch: each frame's spectral envelope is stretched along the frequencies.

    The envelope is that of the cepstrum's first two milliseconds (Oppenheim and Schafer, "From frequency to quefrency",
    2004), in which no period of a voice lies. What would come from above half the sample rate is the envelope's last value.

    Args:
      samples: float32 [samples].
      sample_rate: Hz.
      factor: above 1 is higher.

    Returns:
      float32 [samples].
    """
    spectra = stft(samples, _N_FFT, _HOP)
    level = np.log(np.maximum(np.abs(spectra), _QUIETEST)).astype(np.float32)
    cepstrum = scipy.fft.irfft(level)
    kept = round(_ENVELOPE_SECONDS * sample_rate)
    cepstrum[:, kept : _N_FFT - kept + 1] = 0
    envelope = scipy.fft.rfft(cepstrum).real
    places = np.minimum(np.arange(envelope.shape[1]) / factor, envelope.shape[1] - 1)
    below = places.astype(np.intp)
    above, share = np.minimum(below + 1, envelope.shape[1] - 1), (places - below).astype(np.float32)
    stretched = envelope[:, below] * (1 - share) + envelope[:, above] * share
    change = np.exp(np.clip(stretched - envelope, -_MOST_CHANGE, _MOST_CHANGE))
    return _istft(spectra * change.astype(np.float32), len(samples))


def phase_vocoder(spectra: np.ndarray, rate: float, max_frames: int) -> np.ndarray:
    """Returns spectra at `rate` times the speed, like `librosa.phase_vocoder` (Ellis, "A phase vocoder in Matlab", 2002).

    From one result frame to the next, the phase turns by as much as between the two source frames around it. Ellis unwraps
    these turns by multiples of 2 pi, which a complex exponential does not see. So no phase is ever computed: with u the
    source's unit phasors, a result at source frame i turns by u[i + 1] conj(u[i]). While the source goes on frame by frame
    these products telescope, and the result is u[i] times a phasor that is constant until a frame is repeated or left out.

    Args:
      spectra: complex64 [frames, bins].
      rate: above 1 is faster.
      max_frames: compute no more frames than these.

    Returns:
      complex64 [ceil(frames / rate), bins], or the first `max_frames` of it.
    """
    steps = np.arange(0, len(spectra), rate)[:max_frames]
    source = steps.astype(np.intp)
    magnitude = np.abs(spectra)
    unit = spectra * np.reciprocal(magnitude) if magnitude.min() >= _TINY else _unit_phasors(spectra, magnitude)
    if source[-1] == len(spectra) - 1:  # the last frame's neighbour is silence
        magnitude = np.concatenate([magnitude, np.zeros_like(magnitude[:1])])
        unit = np.concatenate([unit, np.ones_like(unit[:1])])
    result = np.empty((len(steps), spectra.shape[1]), np.complex64)
    turned = np.ones_like(unit[0])
    runs = np.flatnonzero(np.diff(source, prepend=-2, append=-2) != 1)  # where the source does not go on frame by frame
    for begin, end in itertools.pairwise(runs):
        first, last = source[begin], source[end - 1]
        if begin:
            turned = turned * unit[source[begin - 1] + 1] * unit[first].conj()
        np.multiply(unit[first : last + 1], turned, out=result[begin:end])
    later = (steps - source).astype(np.float32)[:, np.newaxis]
    result *= magnitude[source] * (1 - later) + magnitude[source + 1] * later
    return result


def _unit_phasors(spectra: np.ndarray, magnitude: np.ndarray) -> np.ndarray:
    """Returns numbers of the same phase and magnitude 1; as in librosa, of phase 0 where there is nothing."""
    silent = magnitude < _TINY
    return np.where(silent, np.complex64(1), spectra) * np.reciprocal(np.where(silent, np.float32(1), magnitude))


def _istft(spectra: np.ndarray, length: int) -> np.ndarray:
    """Returns float32 [length] of complex64 [frames, bins]: overlap-add with a squared-window norm, like `librosa.istft`."""
    overlap = _N_FFT // _HOP
    frames = scipy.fft.irfft(spectra, _N_FFT, overwrite_x=True)
    frames *= _float32_window()
    frames = frames.reshape(len(frames), overlap, _HOP)
    signal = np.zeros((len(frames) + overlap - 1, _HOP), np.float32)
    for part in range(overlap):
        signal[part : part + len(frames)] += frames[:, part]
    signal *= _inverse_norm(len(frames))
    return fix_length(signal.reshape(-1)[_N_FFT // 2 :], length)


@functools.cache
def _float32_window() -> np.ndarray:
    return hann_window(_N_FFT).astype(np.float32)


@functools.lru_cache(64)
def _inverse_norm(frames: int) -> np.ndarray:
    """Returns float32 [frames + 3, hop]: one over the sum of all windows' squares, 1 where no window reaches."""
    overlap = _N_FFT // _HOP
    squares = np.square(_float32_window()).reshape(overlap, _HOP)
    norm = np.zeros((frames + overlap - 1, _HOP), np.float32)
    for part in range(overlap):
        norm[part : part + frames] += squares[part]
    return 1 / np.where(norm > _TINY, norm, np.float32(1))
