"""What training goes on from where it was killed: one file after each epoch."""

import io
import json
import zipfile
import zlib

import numpy as np
import tensorflow as tf

from schemas.errors import UserError
from ser_tinyml.network.averaging import KeepAverage
from ser_tinyml.store import files


class Backup(tf.keras.callbacks.Callback):
    """Stores every variable of the network and its optimizer after each epoch, and what `KeepAverage` knows.

    Not `tf.keras.callbacks.BackupAndRestore`, which takes the name of its directory for a pattern.

    Args:
      network: compiled, its optimizer built.
      kept: a callback before this one.
      directory: where the file of the last epoch is.
    """

    def __init__(self, network: tf.keras.Model, kept: KeepAverage, directory: str):
        super().__init__()
        self._variables = [v for v in tf.train.TrackableView(network).descendants() if isinstance(v, tf.Variable)]
        self._kept = kept
        self._directory = directory

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        arrays = {f"variable_{n}": variable.numpy() for n, variable in enumerate(self._variables)}
        arrays |= {f"kept_{n}": weight for n, weight in enumerate(self._kept.weights)}
        content = io.BytesIO()
        np.savez(content, state=np.array(json.dumps(self._kept.to_dict())), **arrays)
        path = files.join(self._directory, f"after-{epoch + 1:06}.npz")
        files.write_bytes(path, content.getvalue())
        files.delete_files([other for other in files.list_files(self._directory) if other != path], self._directory)

    def restore(self) -> int:
        """Sets what the last whole backup holds, and returns how many epochs that took; 0 where there is none."""
        for path in reversed([path for path in files.list_files(self._directory) if path.endswith(".npz")]):
            try:
                with np.load(io.BytesIO(files.read_bytes(path))) as stored:
                    arrays = {name: stored[name] for name in stored.files}
            except (ValueError, EOFError, UserError, zipfile.BadZipFile, zlib.error) as error:
                print(f"{path} is damaged, training begins anew: {error}", flush=True)
                continue
            state = json.loads(str(arrays["state"]))
            for number, variable in enumerate(self._variables):
                variable.assign(arrays[f"variable_{number}"])
            self._kept.restore(state, [array for name, array in arrays.items() if name.startswith("kept_")])
            return len(state["history"])
        return 0
