import pathlib

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ser_tinyml.network.training_log import log_training
from ser_tinyml.report.tensorboard import log_judgement


def read_tags(folder: pathlib.Path) -> set[str]:
    return {
        value.tag
        for file in folder.iterdir()
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
    }


def test_training_leaves_hyperparameters_figures_and_weights(tmp_path):
    parameters = {"lstm_units": "12,8", "epochs": 4, "bidirectional": False, "other": ("a", "b")}
    log_training(str(tmp_path), parameters, {"validation UAR": 0.5}, {"dense/kernel": np.ones((3, 2))})
    assert {"validation UAR", "weights/dense/kernel", "_hparams_/session_start_info"} <= read_tags(tmp_path)


def test_judgement_leaves_the_confusion_matrix_and_mistakes_as_sound(tmp_path):
    mistakes = [("calm, heard as happy", np.arange(-800, 800, dtype=np.int16))]
    log_judgement(str(tmp_path), np.eye(2, dtype=int), ["calm", "$x^$"], mistakes=mistakes, sample_rate=16_000)
    assert {"confusion matrix", "mistakes/0"} <= read_tags(tmp_path)
    loaded = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0}).Reload()
    assert loaded.Tensors("confusion matrix")[0].tensor_proto.string_val[2].startswith(b"\x89PNG")
