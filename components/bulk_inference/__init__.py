"""Recordings -> what a finished model says of each: a Beam job."""
