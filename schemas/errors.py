"""What a person at the console is told."""


class UserError(Exception):
    """Something went wrong that the person at the console can put right; it is shown as one message, without a traceback."""


class GateFailed(UserError):
    """A model was made and judged, and does not hold what it must."""
