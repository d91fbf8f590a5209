"""Package `ser-tinyml`. Also Beam's `--setup_file`: a worker installs the project and its dependencies from here."""

import setuptools

# The newest set in which every package's native code loads together; BUILD_NOTES.md tells why each is held back.
PINNED = [
    "absl-py>=1.4,<3",
    "apache-beam[gcp]==2.72.0",
    "espeakng-loader==0.2.4",
    "librosa==0.11.0",
    "matplotlib>=3.8,<4",
    "numpy==1.26.4",
    "protobuf==4.25.9",
    "soundfile>=0.12,<1",
    "tensorflow==2.16.2",
    "tensorflow-io==0.37.1",
    "tensorflow-metadata==1.17.3",
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
    install_requires=PINNED,
    extras_require={"dev": DEVELOPMENT},
    entry_points={"console_scripts": ["ser-tinyml = pipeline.run:main"]},
)
