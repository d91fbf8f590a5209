"""A board on a serial line: commands go to its console (`firmware/app/ser_console.h`), and lines of JSON come."""

import base64
import binascii
import collections
import json
import time
from collections.abc import Iterator

import numpy as np

from schemas.errors import UserError

_POLL_SECONDS = 0.1


class SerialLine:
    """A board's serial line, from `with` on."""

    def __init__(self, port: str, baud: int):
        """Opens the line.

        Args:
          port: a device, as /dev/ttyACM0, or whatever pyserial opens by an address.
          baud: bits a second.

        Raises:
          UserError: pyserial is not installed, or the port can't be opened.
        """
        try:
            import serial
        except ImportError:
            raise UserError(
                "boards are heard through pyserial, which is not installed: pip install 'ser-tinyml[board]'"
            ) from None
        self._rest = b""  # of what came, the beginning of a line
        self._messages: collections.deque[dict] = collections.deque()  # that nobody has taken yet
        self._port, self._failures = port, (serial.SerialException, OSError)
        try:
            self._line = serial.serial_for_url(port, baud, timeout=_POLL_SECONDS)
        except (serial.SerialException, ValueError, OSError) as error:
            raise UserError(f"the port {port} can't be opened: {error}") from error

    def __enter__(self) -> "SerialLine":
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()

    def send(self, command: str) -> None:
        """Sends a command to the console; raises UserError where the board is gone."""
        try:
            self._line.write(command.encode() + b"\n")
        except self._failures as error:
            raise UserError(f"the board at {self._port} is gone: {error}") from error

    def receive(self) -> Iterator[dict | None]:
        """Yields what the board says, without an end; None where it has said nothing for a tenth of a second.

        What is no JSON object is passed over: a line that was joined in its middle, or what a boot loader prints.

        Raises:
          UserError: the board is gone.
        """
        while True:
            try:
                came = self._line.read(max(1, self._line.in_waiting))
            except self._failures as error:
                raise UserError(f"the board at {self._port} is gone: {error}") from error
            *lines, self._rest = (self._rest + came).split(b"\n")
            self._messages += filter(None, map(_parse, lines))
            while self._messages:
                yield self._messages.popleft()
            if not lines:
                yield None

    def ask(self, command: str, key: str, limit_seconds: float) -> dict:
        """Sends a command and returns the first message with a key; UserError where none comes in time, or an error does."""
        self.send(command)
        end = time.monotonic() + limit_seconds
        for message in self.receive():
            if message and "error" in message:
                raise UserError(f"the board at {self._port} answers {command!r} by: {message['error']}")
            if message and key in message:
                return message
            if time.monotonic() > end:
                break
        raise UserError(f"the board at {self._port} has not answered {command!r} for {limit_seconds:g} s")


def decode_samples(message: dict) -> np.ndarray:
    """Returns the int16 [samples] of a message with sound; raises UserError where they are damaged."""
    try:
        return np.frombuffer(base64.b64decode(message["pcm"], validate=True), "<i2")
    except (binascii.Error, TypeError, ValueError) as error:
        raise UserError(f"the board sent sound that is damaged: {error}") from error


def _parse(line: bytes) -> dict | None:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None
