"""A synthetic corpus: sentences spoken by espeak-ng, written in the three published layouts so that the real readers read it.

Emotion moves pitch, pitch range, rate, loudness, breathiness and brightness, each with a spread within the class. A comment
in every WAV file says that it is synthetic; `example_gen` carries that on into every report.
"""

import ctypes
import dataclasses
import hashlib
import io
from collections.abc import Iterator
from typing import Any

import espeakng_loader
import numpy as np
import scipy.signal
import soundfile
import soxr

from schemas.manifest import SYNTHETIC_COMMENT
from ser_tinyml.corpora import CORPORA
from ser_tinyml.runtimes.isolated import call_isolated
from ser_tinyml.store import files

_MAKING_SECONDS, _MAKING_BYTES = 1800, 4 * 2**30  # it takes a minute
_PUBLISHED_RATE = {"ravdess": 48_000, "tess": 24_414, "savee": 44_100}
_LEADING_SILENCE = {"ravdess": 0.55, "tess": 0.45, "savee": 0.45}  # s, before the voice sets in

# Recordings a speaker, by the corpus's emotion code.
_TAKES = {
    "ravdess": {"01": 4, "02": 4, "03": 8, "04": 4, "05": 4, "06": 2, "07": 2, "08": 8},
    "tess": {"neutral": 10, "happy": 10, "ps": 10, "sad": 8, "angry": 8, "fear": 2, "disgust": 2},
    "savee": {"n": 12, "h": 10, "su": 10, "sa": 8, "a": 8, "f": 2, "d": 2},
}

# Speaker -> espeak-ng voice and pitch.
_RAVDESS_VOICES = {
    "01": ("m1", 45),
    "02": ("f1", 52),
    "03": ("m3", 38),
    "04": ("steph", 56),
    "05": ("m4", 50),
    "06": ("linda", 48),
    "07": ("m7", 42),
    "08": ("f4", 55),
}
_TESS_VOICES = {"OAF": ("belinda", 42), "YAF": ("Andrea", 52)}
_SAVEE_VOICES = {"DC": ("m2", 48), "JE": ("m5", 44), "JK": ("m6", 40), "KL": ("m8", 52)}

_STATEMENTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}
_WORDS = ("boat", "chair", "dish", "fall", "gun", "home", "juice", "lake", "moon", "note")
_SENTENCES = (
    "The kettle is on the stove",
    "We left the window open",
    "Her letter came on Monday",
    "The train stops at the bridge",
    "Put the basket by the gate",
    "They painted the fence green",
    "A light rain fell all night",
    "The meeting starts at ten",
    "Our neighbour sold his car",
    "The river runs behind the mill",
    "He keeps the keys in a drawer",
    "Nobody answered the telephone",
)


@dataclasses.dataclass(frozen=True)
class Prosody:
    """How an emotion sounds: the means of what `_draw` varies."""

    pitch: float  # espeak-ng units above the speaker's own
    pitch_range: float  # espeak-ng units, 50 is ordinary
    words_per_minute: float
    gain_db: float
    breath_db: float  # level of the breath noise below the voice
    tilt_db: float  # treble above 1.5 kHz


PROSODY = {
    "neutral": Prosody(pitch=0, pitch_range=35, words_per_minute=162, gain_db=-1, breath_db=-36, tilt_db=0),
    "calm": Prosody(pitch=-4, pitch_range=28, words_per_minute=148, gain_db=-4, breath_db=-31, tilt_db=-1),
    "happy": Prosody(pitch=14, pitch_range=72, words_per_minute=198, gain_db=5, breath_db=-38, tilt_db=4),
    "sad": Prosody(pitch=-8, pitch_range=16, words_per_minute=124, gain_db=-9, breath_db=-22, tilt_db=-6),
    "angry": Prosody(pitch=6, pitch_range=50, words_per_minute=208, gain_db=11, breath_db=-42, tilt_db=7),
    "fearful": Prosody(pitch=18, pitch_range=40, words_per_minute=205, gain_db=-1, breath_db=-24, tilt_db=1),
    "disgust": Prosody(pitch=-6, pitch_range=55, words_per_minute=142, gain_db=1, breath_db=-30, tilt_db=-2),
    "surprised": Prosody(pitch=28, pitch_range=95, words_per_minute=152, gain_db=3, breath_db=-20, tilt_db=0),
}


@dataclasses.dataclass(frozen=True)
class Script:
    """One recording to make."""

    path: str  # below the output
    voice: str  # a variant of espeak-ng's American English
    pitch: int  # espeak-ng's, 0 to 99
    emotion: str  # a key of PROSODY
    text: str
    sample_rate: int = 16_000  # Hz
    lead_seconds: float = 0.5  # before the voice sets in


def make(output: str, seed: int = 0) -> int:
    """Writes the corpus to `output`/{ravdess,tess,savee} and returns its number of clips; a seed gives the same bytes."""
    scripts = list(list_scripts())
    speak(scripts, output, seed)
    return len(scripts)


def speak(scripts: list[Script], output: str, seed: int = 0) -> None:
    """Writes a recording below `output` for each script; the same scripts and seed give the same bytes.

    espeak-ng keeps state from one utterance to the next, so a fresh process speaks all of them in their order.
    """
    limits = {"limit_seconds": _MAKING_SECONDS, "limit_bytes": _MAKING_BYTES}
    call_isolated(_speak, scripts, output, seed, called="espeak-ng", **limits)


def _speak(scripts: list[Script], output: str, seed: int) -> None:
    engine = _Espeak()
    for script in scripts:
        key = hashlib.sha256(f"{seed}/{script.path}".encode()).digest()
        wav = _record(script, engine, np.random.default_rng(int.from_bytes(key, "big")))
        files.write_bytes(files.join(output, script.path), wav)


def list_scripts() -> Iterator[Script]:
    """Yields the corpus, a recording after the other."""
    for actor, (voice, pitch) in _RAVDESS_VOICES.items():
        for code, emotion in CORPORA["ravdess"].emotions.items():
            for take in range(_TAKES["ravdess"][code]):
                intensity, repetition, statement = (f"{1 + take // step % 2:02}" for step in (4, 2, 1))
                path = f"Actor_{actor}/03-01-{code}-{intensity}-{statement}-{repetition}-{actor}.wav"
                yield _script("ravdess", path, voice=voice, pitch=pitch, emotion=emotion, text=_STATEMENTS[statement])
    for speaker, (voice, pitch) in _TESS_VOICES.items():
        for code, takes in _TAKES["tess"].items():
            folder = f"{speaker}_{'pleasant_surprise' if code == 'ps' else code}"
            for word in _WORDS[:takes]:
                path = f"{folder}/{speaker}_{word}_{code}.wav"
                emotion = CORPORA["tess"].emotions[code]
                yield _script("tess", path, voice=voice, pitch=pitch, emotion=emotion, text=f"Say the word {word}")
    for speaker, (voice, pitch) in _SAVEE_VOICES.items():
        for code, takes in _TAKES["savee"].items():
            for take, sentence in enumerate(_SENTENCES[:takes], start=1):
                path = f"ALL/{speaker}_{code}{take:02}.wav"
                emotion = CORPORA["savee"].emotions[code]
                yield _script("savee", path, voice=voice, pitch=pitch, emotion=emotion, text=sentence)


def _script(corpus: str, path: str, **spoken: Any) -> Script:
    rate, lead = _PUBLISHED_RATE[corpus], _LEADING_SILENCE[corpus]
    return Script(f"{corpus}/{path}", **spoken, sample_rate=rate, lead_seconds=lead)


def _draw(mean: Prosody, rng: np.random.Generator) -> Prosody:
    """Draws one take: the emotion's means with a spread wide enough for neighbours to overlap."""
    spread = Prosody(pitch=4, pitch_range=10, words_per_minute=9, gain_db=1.8, breath_db=2, tilt_db=1.2)
    return Prosody(
        **{
            field.name: getattr(mean, field.name) + getattr(spread, field.name) * rng.standard_normal()
            for field in dataclasses.fields(Prosody)
        }
    )


def _record(script: Script, engine: "_Espeak", rng: np.random.Generator) -> bytes:
    """Makes a WAV file: the voice with its breath, silence before and after, and a room's noise under it all."""
    prosody = _draw(PROSODY[script.emotion], rng)
    spoken = dataclasses.replace(prosody, pitch=script.pitch + prosody.pitch)
    voice = engine.say(script.text, script.voice, spoken)
    envelope = scipy.signal.sosfiltfilt(scipy.signal.butter(2, 30, fs=engine.rate, output="sos"), np.abs(voice))
    breath = rng.standard_normal(len(voice)) * np.maximum(envelope, 0)
    breath = scipy.signal.sosfilt(scipy.signal.butter(2, 1000, "high", fs=engine.rate, output="sos"), breath)
    voice = voice + breath * 10 ** (prosody.breath_db / 20) * np.std(voice) / np.std(breath)
    treble = scipy.signal.sosfilt(scipy.signal.butter(1, 1500, "high", fs=engine.rate, output="sos"), voice)
    voice = voice + (10 ** (prosody.tilt_db / 20) - 1) * treble
    voice *= 10 ** ((prosody.gain_db - 26) / 20) / np.std(voice)

    lead = int((script.lead_seconds + rng.uniform(-0.05, 0.05)) * engine.rate)
    samples = np.concatenate([np.zeros(lead), voice, np.zeros(int(rng.uniform(0.3, 0.7) * engine.rate))])
    rate = script.sample_rate
    samples = soxr.resample(samples, engine.rate, rate)
    samples += rng.standard_normal(len(samples)) * 10 ** (rng.uniform(-72, -62) / 20)

    wav = io.BytesIO()
    with soundfile.SoundFile(wav, "w", rate, channels=1, format="WAV", subtype="PCM_16") as file:
        file.comment = SYNTHETIC_COMMENT
        file.write(np.clip(samples, -1, 1))
    return wav.getvalue()


class _Espeak:
    """espeak-ng's C library (speak_lib.h), speaking into memory."""

    _SYNCHRONOUS, _UTF8 = 2, 1
    _RATE, _PITCH, _RANGE = 1, 3, 4

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self.rate: int = self._library.espeak_Initialize(
            self._SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0
        )
        if self.rate <= 0:
            raise RuntimeError(f"espeak-ng did not start: error {self.rate}")
        self._chunks: list[np.ndarray] = []
        callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._callback = callback(self._receive)  # kept: the library holds only a pointer
        self._library.espeak_SetSynthCallback(self._callback)

    def _receive(self, wav: ctypes.Array, count: int, _events: int) -> int:
        if wav and count > 0:
            self._chunks.append(np.ctypeslib.as_array(wav, (count,)).copy())
        return 0

    def say(self, text: str, voice: str, prosody: Prosody) -> np.ndarray:
        """Returns samples in [-1, 1) at `self.rate`, with the prosody's rate, pitch (whole, espeak-ng's 0 to 99) and range."""
        self._chunks.clear()
        if self._library.espeak_SetVoiceByName(f"en-us+{voice}".encode()) != 0:
            raise RuntimeError(f"espeak-ng has no voice en-us+{voice}")
        settings = {
            self._RATE: prosody.words_per_minute,
            self._PITCH: prosody.pitch,
            self._RANGE: prosody.pitch_range,
        }
        for parameter, value in settings.items():
            limit = 450 if parameter == self._RATE else 99
            self._library.espeak_SetParameter(parameter, int(np.clip(round(value), 0, limit)), 0)
        encoded = text.encode() + b"\0"
        self._library.espeak_Synth(encoded, len(encoded), 0, 1, 0, self._UTF8, None, None)
        self._library.espeak_Synchronize()
        return np.concatenate(self._chunks) / 32768.0
