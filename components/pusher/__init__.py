"""The firmware bundle of a blessed model."""
