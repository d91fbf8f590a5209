"""The bundle as a package of other build systems: each compiled from what its description says."""

import json
import pathlib
import shutil
import subprocess
import xml.etree.ElementTree
import zipfile

import pytest
import yaml

from ser_tinyml.codegen.bundle import collect_firmware, make_arduino_library, make_packages
from ser_tinyml.codegen.cmsis_dsp import read_cmsis_dsp
from ser_tinyml.version import VERSION
from tests.firmware.test_boards import FRONT_END, LABELS, generate

ARM = "arm-none-eabi-gcc"
RISCV = "riscv64-unknown-elf-gcc"
CORTEX_M4F = ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")
CORTEX_M33 = ("-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=hard")
RV32 = ("-march=rv32imac", "-mabi=ilp32", "--specs=picolibc.specs")
URL = "https://example.org/ser-tinyml"
LEDS = [(label, "#ff0000") for label in LABELS]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> pathlib.Path:
    """The files that the pusher makes, but for the model card and the vectors."""
    folder, generated = (tmp_path_factory.mktemp(name) for name in ("bundle", "generated"))
    generate(FRONT_END, generated)
    model = {name: (generated / name).read_bytes() for name in ("ser_model.c", "ser_model.h")}
    firmware, cmsis_dsp = collect_firmware(), read_cmsis_dsp()
    files = firmware | {f"generated/{name}": content for name, content in model.items()}
    files |= {f"third_party/cmsis_dsp/{path}": content for path, content in cmsis_dsp.items()}
    files |= make_packages(files, labels=LABELS, sample_rate=FRONT_END.sample_rate, url=URL, for_arduino=True)
    files |= make_arduino_library(firmware, model, cmsis_dsp, labels_and_leds=LEDS, url=URL)
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def compile_all(sources, flags, folder: pathlib.Path, compiler: str) -> list[str]:
    """Compiles sources and the example of a package; returns the names of all that they define."""
    command = [compiler, "-std=c11", "-Os", "-Wall", "-Werror=implicit", *map(str, flags), "-c", *map(str, sources)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    nm = compiler.replace("gcc", "nm")
    listed = subprocess.run(
        [nm, "-g", "--defined-only", *sorted(folder.glob("*.o"))], check=True, capture_output=True, text=True
    )
    return [line.split()[2] for line in listed.stdout.splitlines() if len(line.split()) == 3]


def check_names(names: list[str]) -> None:
    """Holds the names that a linker sees to be the project's own: no other library of a program has them."""
    assert "ser_app_poll" in names and "ser_arm_cfft_f32" in names
    assert [name for name in names if not name.startswith("ser_")] == ["listen"]


@pytest.mark.parametrize(("compiler", "processor"), [(ARM, CORTEX_M4F), (RISCV, RV32)], ids=["cortex-m4f", "rv32"])
def test_platformio_library_compiles(bundle, tmp_path, compiler, processor):
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")
    library = json.loads((bundle / "library.json").read_text())
    assert (library["name"], library["version"], library["homepage"]) == ("ser-tinyml", VERSION, URL)
    first, *chosen = library["build"]["srcFilter"]
    assert first == "-<*>" and all(each.startswith("+<") for each in chosen)
    sources = [path for each in chosen for path in sorted(bundle.glob(each[2:-1]))]
    flags = [f"-I{bundle / flag[2:]}" if flag.startswith("-I") else flag for flag in library["build"]["flags"]]
    (example,) = library["examples"]
    sources += [bundle / example["base"] / name for name in example["files"]]
    check_names(compile_all(sources, [*processor, *flags], tmp_path, compiler))


@pytest.mark.needs(ARM)
def test_cmsis_pack_compiles_and_lists_files_that_are_there(bundle, tmp_path):
    package = xml.etree.ElementTree.parse(bundle / "ser-tinyml.ser-tinyml.pdsc").getroot()
    assert package.findtext("vendor") == package.findtext("name") == "ser-tinyml" and package.findtext("url") == URL
    assert [release.get("version") for release in package.iter("release")] == [VERSION]
    files = [(file.get("category"), bundle / file.get("name")) for file in package.iter("file")]
    assert all(path.exists() for _, path in files)
    includes = [f"-I{path}" for category, path in files if category == "include"]
    sources = [path for category, path in files if category == "source"]
    example = bundle / "packages/example/listen.c"
    check_names(compile_all([*sources, example], [*CORTEX_M33, *includes], tmp_path, ARM))


ZEPHYR = """
cmake_minimum_required(VERSION 3.20)
project(zephyr C)
set(CONFIG_SER_TINYML y)
macro(zephyr_include_directories)
  include_directories(${ARGN})
endmacro()
macro(zephyr_library_named name)
  set(library ${name})
  add_library(${name} STATIC "")
endmacro()
macro(zephyr_library_sources)
  target_sources(${library} PRIVATE ${ARGN})
endmacro()
macro(zephyr_library_include_directories)
  target_include_directories(${library} PRIVATE ${ARGN})
endmacro()
macro(zephyr_library_compile_options)
  target_compile_options(${library} PRIVATE ${ARGN})
endmacro()
add_subdirectory(${MODULE} module)
"""


@pytest.mark.needs(ARM)
def test_zephyr_module_builds_by_what_zephyrs_functions_do(bundle, tmp_path):
    """Zephyr is not at hand: its functions are those of CMake that they stand for."""
    module = yaml.safe_load((bundle / "zephyr/module.yml").read_text())
    folder = bundle / module["build"]["cmake"]
    assert "config SER_TINYML" in (bundle / module["build"]["kconfig"]).read_text()
    (tmp_path / "CMakeLists.txt").write_text(ZEPHYR)
    flags = (f"-DMODULE={folder}", f"-DCMAKE_TOOLCHAIN_FILE={bundle}/boards/mps2_an505/toolchain.cmake")
    build_library(tmp_path, *flags)
    assert (tmp_path / "build/module/libser_tinyml.a").is_file()


ESP_IDF = """
cmake_minimum_required(VERSION 3.20)
project(esp_idf C)
set(ESP_PLATFORM 1)
set(COMPONENT_LIB ser_tinyml)
function(idf_component_register)
  cmake_parse_arguments(given "" "" "SRCS;INCLUDE_DIRS;PRIV_INCLUDE_DIRS" ${ARGN})
  add_library(${COMPONENT_LIB} STATIC ${given_SRCS})
  target_include_directories(${COMPONENT_LIB} PUBLIC ${given_INCLUDE_DIRS} PRIVATE ${given_PRIV_INCLUDE_DIRS})
endfunction()
add_subdirectory(${COMPONENT} component)
"""


@pytest.mark.needs(RISCV)
def test_esp_idf_component_builds_by_what_its_function_does(bundle, tmp_path):
    """ESP-IDF is not at hand: `idf_component_register` is what of CMake it stands for."""
    manifest = yaml.safe_load((bundle / "idf_component.yml").read_text())
    assert (manifest["version"], manifest["url"]) == (VERSION, URL)
    (tmp_path / "CMakeLists.txt").write_text(ESP_IDF)
    flags = (f"-DCOMPONENT={bundle}", f"-DCMAKE_TOOLCHAIN_FILE={bundle}/boards/virt_rv32/toolchain.cmake")
    build_library(tmp_path, *flags)
    assert (tmp_path / "build/component/libser_tinyml.a").is_file()


def build_library(folder: pathlib.Path, *flags: str) -> None:
    for command in (["cmake", "-S", ".", "-B", "build", *flags], ["cmake", "--build", "build", "--parallel", "2"]):
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr


def test_arduinos_zip_is_the_library_in_one_folder(bundle):
    """What "Add .ZIP Library" takes."""
    library = bundle / "arduino/ser-tinyml"
    with zipfile.ZipFile(bundle / "arduino/ser-tinyml.zip") as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    there = {
        f"ser-tinyml/{path.relative_to(library)}": path.read_bytes() for path in library.rglob("*") if path.is_file()
    }
    assert packed == there


def test_arduino_library_holds_to_what_arduino_lint_asks_for_strictly(bundle):
    """The rules of `arduino-lint --compliance strict` that text alone decides."""
    library = bundle / "arduino/ser-tinyml"
    lines = (library / "library.properties").read_text().splitlines()
    properties = dict(line.split("=", 1) for line in lines)
    assert len(properties) == len(lines) and all(properties.values())
    assert properties["name"] == library.name == "ser-tinyml" and len(properties["name"]) <= 16
    assert properties["version"] == VERSION and VERSION.count(".") == 2
    assert properties["url"] == URL
    assert properties["category"] in ("Signal Input/Output", "Data Processing", "Sensors")
    assert properties["architectures"] == "mbed_nano"
    assert properties["sentence"].endswith(".") and not properties["paragraph"].startswith(properties["sentence"])
    assert not properties["maintainer"].lower().startswith("arduino") and "arduino" not in properties["name"]
    assert (library / "src" / properties["includes"]).is_file()
    assert "Apache License" in (library / "LICENSE").read_text() and (library / "README.md").is_file()
    assert [path.name for path in (library / "examples").iterdir()] == ["ser"]
    assert (library / "examples/ser/ser.ino").is_file()
    forbidden = (".exe", ".o", ".a", ".so", ".development")
    paths = [path for path in library.rglob("*") if path.is_file()]
    assert not [path for path in paths if path.is_symlink() or path.name.startswith(".") or path.suffix in forbidden]


def test_readme_says_how_each_package_is_built(bundle):
    readme = (bundle / "README.md").read_text()
    for name in ("Arduino", "PlatformIO", "Zephyr", "ESP-IDF", "CMSIS-Pack"):
        section = readme.split(f"\n## {name}")[1].split("\n## ")[0]
        assert [line[0] for line in section.splitlines() if line[:1].isdigit()] == list("12345"), name
