"""Files, manifests and records, and the digests that tell whether they are what they were."""
