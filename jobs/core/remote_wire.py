"""Messages between the window and the process that holds a model: JSON and raw arrays over a socket.

A message is a fixed prefix, a JSON head, and the bytes of its arrays one after another. A local socket moves
a volume of 256³ voxels (64 MiB) in about 20 ms and one of 64³ in 0.2 ms. Shared memory that is kept and used
again is hardly faster, fresh shared memory slower; and a socket leaves nothing behind however a process ends.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_PREFIX: Final = struct.Struct("<4sI")
_MAGIC: Final = b"HSm1"
#: A head is padded to this length, so that most are received at once: each call that waits has to get the
#: interpreter's lock back afterwards, which takes milliseconds while another thread computes.
_HEAD: Final = 512
#: Messages below this size are put together and sent at once.
_SMALL: Final = 1 << 16
#: Of the buffers of the kernel; larger ones mean fewer changes between both processes.
_BUFFER: Final = 1 << 20
#: Rows of text that are taken apart at once; in between other threads of the window can run.
_ROWS: Final = 1 << 15
#: Rows that are looked at to tell whether texts repeat, as names of micrographs do.
_SAMPLE: Final = 1 << 14
#: Kinds of numpy arrays whose bytes mean the same in both processes.
_PLAIN: Final = "?biufcSUmM"


class WireError(Exception):
    """What arrived is not a message, or what is to be sent cannot be put into one."""


@dataclass(frozen=True)
class Message:
    """A head of JSON values, and arrays by name."""

    head: dict[str, Any]
    arrays: dict[str, Array] = field(default_factory=dict)


def prepare(channel: socket.socket) -> None:
    """Give a socket of either side blocking calls and large buffers."""
    channel.setblocking(True)
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        channel.setsockopt(socket.SOL_SOCKET, option, _BUFFER)


def pack(head: Mapping[str, Any], arrays: Mapping[str, Any] | None = None) -> list[memoryview]:
    """Make a message; the other side gets equal arrays, bit for bit, in C order.

    Parameters
    ----------
    head
        JSON values.
    arrays
        Anything numpy takes for an array of numbers, booleans, dates or text. Arrays of objects may hold
        text, and in small numbers also None, booleans and numbers.

    Raises
    ------
    WireError
        If one of them cannot be put into a message.
    """
    parts: list[memoryview] = []
    described = {name: _describe(np.asarray(array), parts) for name, array in (arrays or {}).items()}
    try:
        text = json.dumps({"head": dict(head), "arrays": described}).encode()
    except (TypeError, ValueError) as error:
        raise WireError(str(error)) from None
    text = text.ljust(_HEAD - _PREFIX.size)
    start = memoryview(_PREFIX.pack(_MAGIC, len(text)) + text)
    if sum(part.nbytes for part in parts) < _SMALL:
        return [memoryview(b"".join([start, *parts]))]
    return [start, *parts]


def send(channel: socket.socket, packed: Sequence[memoryview]) -> None:
    """Send a packed message; OSError when the other side is gone."""
    for part in packed:
        channel.sendall(part)


def receive(channel: socket.socket) -> Message | None:
    """Wait for a message, without holding the interpreter's lock; None when the other side is gone.

    Raises
    ------
    WireError
        If something else than a message arrived.
    OSError
        If the connection broke.
    """
    start = bytearray(_HEAD)
    if not _fill(channel, memoryview(start)):
        return None
    magic, length = _PREFIX.unpack_from(start)
    if magic != _MAGIC:
        raise WireError(f"{bytes(start[:32])!r} does not begin a message")
    more = bytearray(_PREFIX.size + length - _HEAD)
    if more and not _fill(channel, memoryview(more)):
        return None
    try:
        content = json.loads(start[_PREFIX.size :] + more)
        head, described = content["head"], content["arrays"]
    except (ValueError, KeyError, TypeError) as error:
        raise WireError(f"the head of a message cannot be read: {error}") from None
    arrays: dict[str, Array] = {}
    for name, description in described.items():
        array = _read(channel, description)
        if array is None:
            return None
        arrays[name] = array
    return Message(head, arrays)


def _fill(channel: socket.socket, place: memoryview) -> bool:
    """Receive until `place` is full; False at the end of the connection."""
    done = 0
    while done < place.nbytes:
        # Waiting for all of it takes the interpreter's lock once, not once for each piece that arrives.
        count = channel.recv_into(place[done:], 0, socket.MSG_WAITALL)
        if count == 0:
            return False
        done += count
    return True


def _describe(array: Array, parts: list[memoryview]) -> dict[str, Any]:
    """Append the bytes of an array to `parts` and return what is needed to read them again."""
    if array.dtype.kind in _PLAIN:
        # not ascontiguousarray, which would give an array without axes one
        array = np.asarray(array, order="C")
        if array.nbytes:
            parts.append(array.reshape(-1).view(np.uint8).data)
        return {"kind": "plain", "dtype": array.dtype.str, "shape": array.shape}
    if array.dtype.kind not in "OT":
        raise WireError(f"an array of type {array.dtype} cannot be sent")
    values = array.reshape(-1).tolist()
    if not all(type(value) is str for value in values):
        return {"kind": "mixed", "shape": array.shape, "values": [_mixed(value) for value in values]}
    if _repeats(values):
        numbers: dict[str, int] = {}
        codes = np.fromiter((numbers.setdefault(v, len(numbers)) for v in values), np.int32, len(values))
        return {
            "kind": "repeated",
            "shape": array.shape,
            "table": _describe_text(list(numbers), parts),
            "codes": _describe(codes, parts),
        }
    return {"kind": "text", "shape": array.shape, "text": _describe_text(values, parts)}


def _repeats(values: list[str]) -> bool:
    """Tell from samples, neighbours and others, whether most texts occur several times."""
    if len(values) <= _SAMPLE:
        return False
    samples = (values[:_SAMPLE], values[:: len(values) // _SAMPLE])
    return any(len(set(sample)) < len(sample) // 2 for sample in samples)


def _mixed(value: object) -> object:
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise WireError(f"an array that holds a {type(value).__name__} cannot be sent")


def _describe_text(values: list[str], parts: list[memoryview]) -> list[dict[str, Any]]:
    """Describe blocks of texts, each joined by a character that occurs in none of them."""
    blocks: list[dict[str, Any]] = []
    for start in range(0, len(values), _ROWS):
        some = values[start : start + _ROWS]
        # Nobody writes a zero into a name; where somebody did, the block travels as JSON.
        joined = "\0".join(some)
        if joined.count("\0") != len(some) - 1:
            blocks.append({"rows": len(some), "values": some})
            continue
        # "surrogatepass": names of files that are not UTF-8 keep their odd bytes
        data = joined.encode("utf-8", "surrogatepass")
        if data:
            parts.append(memoryview(data))
        blocks.append({"rows": len(some), "bytes": len(data)})
    return blocks


def _read(channel: socket.socket, description: Mapping[str, Any]) -> Array | None:
    """Receive one array; None when the connection ends on the way."""
    shape = tuple(description["shape"])
    kind = description["kind"]
    if kind == "plain":
        array = np.empty(shape, np.dtype(description["dtype"]))
        if array.nbytes and not _fill(channel, array.reshape(-1).view(np.uint8).data):
            return None
        return array
    if kind == "text":
        text = _read_text(channel, description["text"])
        return None if text is None else text.reshape(shape)
    if kind == "repeated":
        table = _read_text(channel, description["table"])
        codes = None if table is None else _read(channel, description["codes"])
        return None if table is None or codes is None else table[codes].reshape(shape)
    if kind == "mixed":
        array = np.empty(len(description["values"]), object)
        array[:] = description["values"]
        return array.reshape(shape)
    raise WireError(f"an array of the kind '{kind}' is not known")


def _read_text(channel: socket.socket, blocks: Sequence[Mapping[str, Any]]) -> Array | None:
    array = np.empty(sum(block["rows"] for block in blocks), object)
    row = 0
    for block in blocks:
        if "values" in block:
            values = block["values"]
        else:
            data = bytearray(block["bytes"])
            if data and not _fill(channel, memoryview(data)):
                return None
            values = data.decode("utf-8", "surrogatepass").split("\0")
        if len(values) != block["rows"]:
            raise WireError(f"{block['rows']} texts were announced and {len(values)} arrived")
        array[row : row + len(values)] = values
        row += len(values)
    return array
