"""What the project can do, as a library: recordings to features to networks to C. It knows no flags and no pipeline.

Importing it settles what must be settled before TensorFlow and Beam load: tf-keras as `tf.keras` (Keras 3 neither fuses LSTMs
for TFLite nor works with tfmot), and a console without the libraries' start-up notices. TensorFlow's own log is cut at level 3
because it reports its two GPU plugins as errors on machines without a GPU; what fails in earnest reaches us as a Python
exception.
"""

import importlib
import logging
import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schemas.run_files import Evaluation
    from ser_tinyml.prediction.model import Model

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore", category=FutureWarning, module=r"google\.api_core")
# Beam says on the root logger at import that crcmod is missing, google-crc32c installed or not; and in RunInference that a
# process's memory is unknown, where a package is missing that only models on GPUs need.
_UNFOUNDED = ("crcmod package not found", "Resource module is not available")
logging.getLogger().addFilter(lambda record: not record.getMessage().startswith(_UNFOUNDED))


def evaluate(model: str, corpus: Sequence[str], output: str, **options: Any) -> "Evaluation":
    """Judges a finished model on recordings, all of which are held out: what `ser-tinyml evaluate` does.

    Args:
      model: the root of a run, an export, a firmware bundle, a Keras model or a TFLite file.
      corpus: recordings, as `--corpus` names them, like ["folder:mine"].
      output: directory for manifest, examples, evaluation and report.
      **options: flags of `ser-tinyml evaluate`, by their names.

    Returns:
      Figures, intervals and gates; it does not raise where the model is not blessed.

    Raises:
      UserError: the model or the recordings can't be used; UsageError for a wrong option.
    """
    return importlib.import_module("pipeline.evaluate").evaluate(model, corpus, output, **options)


def load(
    path: str,
    runtime: str | None = None,
    *,
    labels: Sequence[str] | None = None,
    front_end: str | None = None,
    standardisation: str | None = None,
) -> "Model":
    """Loads a finished model, to ask it what emotion is in a recording.

    Args:
      path: the root of a run, an export, a firmware bundle, a Keras model (`.h5`, `.keras`) or a TFLite file.
      runtime: where it runs. `engine` is the generated C, compiled once and kept in the user's cache; it needs NumPy and a C
        compiler, and no TensorFlow. `device` is the firmware's app, with the device's voice gate and smoothing. `int8`, `float`
        and `dynamic` are the TFLite files, `tflm` is the int8 one on TensorFlow Lite Micro's kernels, `keras` is the trained
        model. By default `engine` where there are generated C and a compiler, else `int8`; of a file, its own kind.
      labels: the classes of a file, in the order of its outputs; by default neutral, happy, surprise and unpleasant. All others
        know their own, and their front end and constants; so does a file in a run's or an export's folder.
      front_end: the front end of a file: a JSON file with parameters of `schemas/front_end.py`; by default the usual one.
      standardisation: what a file takes: a JSON file `{"mean": [...], "deviation": [...]}`; by default raw features.

    Returns:
      The model.

    Raises:
      UserError: the model can't be read or compiled; UsageError for a wrong argument.
    """
    loading = importlib.import_module("ser_tinyml.prediction.loading")
    return loading.load(path, runtime, labels=labels, front_end=front_end, standardisation=standardisation)
