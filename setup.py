"""Package `ser-tinyml`. Also Beam's `--setup_file`: from here a worker installs the data job and its libraries, no more."""

import setuptools

# The newest set in which every package's native code loads together; BUILD_NOTES.md tells why each is held back. What computes
# samples and features is pinned exactly: a worker must give the bytes that the locked environment gives.
DATA_JOB = [
    "absl-py>=1.4,<3",
    "apache-beam[gcp]==2.72.0",
    "google-crc32c>=1.5,<2",
    "numpy==1.26.4",
    "protobuf==4.25.9",
    "scipy==1.17.1",
    "soundfile==0.14.0",
    "soxr==1.1.0",
    "tensorflow-metadata==1.17.3",
]

TRAINING = [
    "espeakng-loader==0.2.4",
    "librosa==0.11.0",
    "matplotlib>=3.8,<4",
    "tensorflow==2.16.2",
    "tensorflow-io==0.37.1",
    "tensorflow-model-optimization==0.8.1",
    "tf-keras==2.16.0",
    "tflite-micro>=0.dev0",
]

DEVELOPMENT = ["mypy", "pytest", "ruff", "setuptools<81", "wheel"]

setuptools.setup(
    name="ser-tinyml",
    version="0.1.0",
    description="Emotion from speech on a microcontroller: audio to features to int8 on a Cortex-M",
    license="Apache-2.0",
    python_requires=">=3.11,<3.13",
    packages=setuptools.find_packages(include=["pipeline*", "components*", "schemas*"]),
    package_data={"schemas": ["*.pbtxt"], "pipeline": ["configs/*.flags"]},
    install_requires=DATA_JOB,
    extras_require={"train": TRAINING, "dev": DEVELOPMENT},
    entry_points={"console_scripts": ["ser-tinyml = pipeline.run:main"]},
)
