"""What the project can do, as a library: recordings to features to networks to C. It knows no flags and no pipeline.

Importing it settles what must be settled before TensorFlow and Beam load: tf-keras as `tf.keras` (Keras 3 neither fuses LSTMs
for TFLite nor works with tfmot), and a console without the libraries' start-up notices. TensorFlow's own log is cut at level 3
because it reports its two GPU plugins as errors on machines without a GPU; what fails in earnest reaches us as a Python
exception.
"""

import logging
import os
import warnings

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore", category=FutureWarning, module=r"google\.api_core")
# Beam says so on the root logger at import, google-crc32c installed or not.
logging.getLogger().addFilter(lambda record: "crcmod package not found" not in record.getMessage())
