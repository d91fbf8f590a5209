"""ROOT/examples, ROOT/export, ROOT/evaluation, ROOT/board -> ROOT/firmware, only of a blessed model.

Writes a tree that builds by itself, without Python and without a network:
  README.md            how to build it, here and in each of the packages
  CMakeLists.txt  frontend/ engine/ app/ library/ boards/ tests/ cmake/   the firmware's sources
  generated/           the exported sources, the int8 model itself, and what it takes and gives (export.json)
  golden/vectors.bin   windows with librosa's features and TFLM's outputs, which a test replays
  third_party/         CMSIS-DSP's FFT, with its licence
  arduino/ser-tinyml/  all that as an Arduino library with a sketch for the Nano 33 BLE, where its microphone has the
                       front end's sample rate; ser-tinyml.zip beside it is what "Add .ZIP Library" takes
  library.json  idf_component.yml  zephyr/  packages/  ser-tinyml.ser-tinyml.pdsc
                       the bundle as a PlatformIO library, an ESP-IDF component, a Zephyr module, a CMSIS-Pack
  sbom.cdx.json        what the bundle is made of, as CycloneDX
  MODEL_CARD.md  LICENSE  ser_firmware.zip
"""

import dataclasses

from components.pusher.parameters import MAKES, Parameters
from components.step import owns_output
from schemas.run_files import Board, Dataset, Evaluation, Export
from ser_tinyml.audio.limits import MICROPHONE_RATES_HZ
from ser_tinyml.codegen.bundle import collect_firmware, make_arduino_library, make_packages, make_zip
from ser_tinyml.codegen.cmsis_dsp import read_cmsis_dsp
from ser_tinyml.codegen.generated import APART_SOURCES, FIRMWARE_SOURCES, TFLM_SOURCES
from ser_tinyml.codegen.sbom import make_sbom
from ser_tinyml.report.model_card import render_card
from ser_tinyml.runtimes.golden import make_golden
from ser_tinyml.store import files, run_files
from ser_tinyml.store.dataset import read_audio

_INT8 = "ser_int8.tflite"


@owns_output(MAKES)
def run(output: str, parameters: Parameters, *, examples: str, export: str, evaluation: str, board: str) -> None:
    """Writes the bundle; of a model that is not blessed, or whose firmware failed a gate, only a line on the console.

    Raises:
      UserError: an artifact is missing, or CMSIS-DSP can't be fetched.
    """
    evaluated, validated = run_files.read(Evaluation, evaluation), run_files.read(Board, board)
    exported, dataset = run_files.read(Export, export), run_files.read(Dataset, examples)
    if reason := _why_not(evaluated, validated, exported):
        print(f"no firmware bundle: {reason}")
        return
    names = (*FIRMWARE_SOURCES, *APART_SOURCES, *TFLM_SOURCES, _INT8)
    generated = {name: files.read_bytes(files.join(export, name)) for name in names}
    generated[Export.FILE_NAME] = run_files.encode(dataclasses.replace(exported, model_path=""))  # nobody's business
    golden = make_golden(read_audio(examples), parameters.golden_windows, exported=exported, int8=generated[_INT8])
    firmware, cmsis_dsp = collect_firmware(), read_cmsis_dsp()
    for_board = {name: generated[name] for name in FIRMWARE_SOURCES}
    by_path = {f"generated/{name}": content for name, content in generated.items()}
    bundle = {
        **firmware,
        **by_path,
        **{f"third_party/cmsis_dsp/{path}": content for path, content in cmsis_dsp.items()},
        "golden/vectors.bin": golden.encode(),
        "sbom.cdx.json": make_sbom(by_path),
        "MODEL_CARD.md": render_card(exported, dataset, evaluation=evaluated, board=validated).encode(),
    }
    for_arduino = exported.front_end.sample_rate in MICROPHONE_RATES_HZ
    bundle |= make_packages(
        bundle,
        labels=exported.labels,
        sample_rate=exported.front_end.sample_rate,
        url=parameters.project_url,
        for_arduino=for_arduino,
    )
    if for_arduino:
        classes = list(zip(exported.labels, exported.leds, strict=True))
        bundle |= make_arduino_library(
            firmware, for_board, cmsis_dsp, labels_and_leds=classes, url=parameters.project_url
        )
    bundle["ser_firmware.zip"] = make_zip(bundle, "ser_firmware")
    for path, content in bundle.items():
        files.write_bytes(files.join(output, path), content)
    print(f"{len(bundle)} files in {output}, the same in ser_firmware.zip")


def _why_not(evaluation: Evaluation, board: Board, exported: Export) -> str:
    """Returns why there is nothing to push; "" where there is something."""
    if not evaluation.blessed:
        return "the model is not blessed"
    if failed := [gate.name for gate in board.gates if not gate.passed]:
        return f"the firmware did not pass: {', '.join(failed)}"
    if exported.engine_lacks:
        return f"the generated engine lacks what the model needs: {exported.engine_lacks}"
    return ""
