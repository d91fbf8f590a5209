"""Recordings to windows of speech to MFCCs: what one clip goes through, with no Beam in it."""
