"""Corpora -> manifest: which clips, which label, which split."""
