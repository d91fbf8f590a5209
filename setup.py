"""Package `ser-tinyml`. Also Beam's `--setup_file`: from here a worker installs the data job and its libraries, no more."""

import pathlib
import runpy
import shutil

import setuptools
from setuptools.command.sdist import sdist

HERE = pathlib.Path(__file__).resolve().parent

# The newest set in which every package's native code loads together; BUILD_NOTES.md tells why each is held back. What computes
# samples and features is pinned exactly: a worker must give the bytes that the locked environment gives.
DATA_JOB = [
    "absl-py>=1.4,<3",
    "apache-beam==2.72.0",
    "google-crc32c>=1.5,<2",
    "numpy==1.26.4",
    "protobuf==4.25.9",
    "pydantic>=2.7,<3",
    "scipy==1.17.1",
    "soundfile==0.14.0",
    "soxr==1.1.0",
    "tensorflow-metadata==1.17.3",
    "tqdm>=4.60,<5",
]

TRAINING = [
    "espeakng-loader==0.2.4",
    "jinja2>=3.1,<4",
    "librosa==0.11.0",
    "matplotlib>=3.8,<4",
    "scikit-learn>=1.4,<2",
    "tensorflow==2.16.2",
    "tensorflow-io==0.37.1",
    "tensorflow-model-optimization==0.8.1",
    "tf-keras==2.16.0",
    "tflite-micro>=0.dev0",
]

CONTAINERS = ["av>=14,<19"]  # M4A, AAC, WebM and video

MICROPHONE = ["sounddevice>=0.4.6,<0.6"]

SERIAL_LINE = ["pyserial>=3.5,<4"]  # of a board

TUNING = ["optuna>=4,<6"]

GOOGLE_CLOUD = ["apache-beam[gcp]==2.72.0"]

DEVELOPMENT = [
    "axe-playwright-python",
    "coverage>=7.10",
    "cyclonedx-bom>=7",
    "filelock",
    "hypothesis",
    "ipykernel",
    "markdown-it-py",
    "mkdocs-material",
    "mlcroissant",
    "mypy",
    "nbclient",
    "networkx<3.7",  # mlcroissant's; later ones would be two versions in one constraints.txt
    "openlineage-python",
    "pip-audit",
    "pytest",
    "pytest-xdist",
    "ruff",
    "setuptools<81",
    "uv",
    "wheel",
]


class SourceDistribution(sdist):
    """A source distribution in which every link is the file that it points to."""

    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        for link in filter(pathlib.Path.is_symlink, map(pathlib.Path(base_dir).joinpath, files)):
            link.unlink()
            shutil.copy(HERE / link.relative_to(base_dir), link)


setuptools.setup(
    name="ser-tinyml",
    version=runpy.run_path(str(HERE / "ser_tinyml" / "version.py"))["VERSION"],
    description="Emotion from speech on a microcontroller: audio to features to int8 on a Cortex-M",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: C",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Multimedia :: Sound/Audio :: Analysis",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Software Development :: Embedded Systems",
    ],
    python_requires=">=3.11,<3.13",
    packages=[
        *setuptools.find_packages(include=["pipeline*", "components*", "ser_tinyml*", "schemas*"]),
        "ser_tinyml.firmware",
    ],
    package_dir={"ser_tinyml.firmware": "firmware"},
    package_data={
        "pipeline": ["configs/*.flags"],
        "schemas": ["*.pbtxt"],
        "ser_tinyml": ["**/*.j2", "**/*.css", "**/*.js"],
        "ser_tinyml.firmware": ["**/*"],
    },
    install_requires=DATA_JOB,
    extras_require={
        "train": TRAINING,
        "av": CONTAINERS,
        "listen": MICROPHONE,
        "board": SERIAL_LINE,
        "tune": TUNING,
        "gcp": GOOGLE_CLOUD,
        "dev": DEVELOPMENT,
    },
    entry_points={"console_scripts": ["ser-tinyml = ser_tinyml.cli:main"]},
    cmdclass={"sdist": SourceDistribution},
)
