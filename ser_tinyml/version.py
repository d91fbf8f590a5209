"""The one place that states the project's version; setup.py reads it from this file without importing the package."""

VERSION = "0.1.0"
