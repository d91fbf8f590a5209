"""What a person at the console is told, and the exit code that a program gets."""


class UserError(Exception):
    """Something went wrong that the person at the console can put right; it is shown as one message, without a traceback."""

    exit_code = 1


class UsageError(UserError):
    """The command was called in a way that can't be meant: an unknown name, or options that contradict each other."""

    exit_code = 2


class GateFailed(UserError):
    """The work was done, and the model or its firmware does not hold what was asked of it."""

    exit_code = 3
