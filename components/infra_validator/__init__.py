"""Builds the firmware and replays the held-out shard on it."""
