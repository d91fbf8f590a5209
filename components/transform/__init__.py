"""Manifest -> sharded TFRecords of MFCC sequences: the Beam job."""
