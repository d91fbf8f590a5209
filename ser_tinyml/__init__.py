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

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore", category=FutureWarning, module=r"google\.api_core")
# Beam says so on the root logger at import, google-crc32c installed or not.
logging.getLogger().addFilter(lambda record: "crcmod package not found" not in record.getMessage())


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
