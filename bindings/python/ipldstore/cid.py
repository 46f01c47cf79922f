"""CIDs: plain values."""

from __future__ import annotations

import ctypes

from . import _abi
from ._library import call, given, library, text, whole

RAW = _abi.IPS_CODEC_RAW
DAG_PB = _abi.IPS_CODEC_DAG_PB
DAG_CBOR = _abi.IPS_CODEC_DAG_CBOR
SHA2_256 = _abi.IPS_HASH_SHA2_256
BLAKE3 = _abi.IPS_HASH_BLAKE3


class Cid:
    """Which bytes, under which codec, named by which hash. `Cid(text)` and `Cid(binary)` read one; `str` and
    `bytes` write it. In order of the binary forms."""

    __slots__ = ("raw",)

    def __init__(self, value: str | bytes) -> None:
        self.raw = _abi.ips_cid()
        if isinstance(value, str):
            call("ips_cid_parse", text(value), ctypes.byref(self.raw))
        else:
            call("ips_cid_from_bytes", given(value), ctypes.byref(self.raw))

    @staticmethod
    def of_block(block: bytes, codec: int = RAW, hash: int = BLAKE3) -> Cid:
        """The CID that one block of these bytes has. Nothing is stored."""
        return written("ips_cid_of_block", given(block), codec, hash)

    @staticmethod
    def of_raw(raw: _abi.ips_cid) -> Cid:
        """A copy of the C value."""
        cid = Cid.__new__(Cid)
        cid.raw = _abi.ips_cid.from_buffer_copy(raw)
        return cid

    def text(self, base: str = "\0") -> str:
        """The text in a base: the multibase's character."""
        size = _abi.IPS_CID_TEXT_SIZE
        return whole(size, "ips_cid_format", ctypes.byref(self.raw), base.encode()).decode()

    @property
    def codec(self) -> int:
        return self.raw.codec

    @property
    def hash_function(self) -> int:
        return self.raw.hash

    @property
    def digest(self) -> bytes:
        return bytes(self.raw.digest[: self.raw.digest_length])

    def __bytes__(self) -> bytes:
        return whole(_abi.IPS_CID_BINARY_SIZE, "ips_cid_to_bytes", ctypes.byref(self.raw))

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"Cid({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cid) and self._compare(other) == 0

    def __lt__(self, other: Cid) -> bool:
        return self._compare(other) < 0

    def __hash__(self) -> int:
        return hash((self.raw.version, self.raw.codec, self.raw.hash, self.digest))

    def _compare(self, other: Cid) -> int:
        return int(library.ips_cid_compare(ctypes.byref(self.raw), ctypes.byref(other.raw)))


def written(function: str, *arguments: object) -> Cid:
    """The CID that a call writes, its last output."""
    raw = _abi.ips_cid()
    call(function, *arguments, ctypes.byref(raw))
    return Cid.of_raw(raw)


def optional(cid: Cid | None) -> object:
    """A CID for a call; NULL for none."""
    return None if cid is None else ctypes.byref(cid.raw)
