"""CIDs: plain values."""

from __future__ import annotations

import ctypes

from . import _abi
from ._library import Data, call, given, kind_of, library, text, whole

RAW = _abi.IPS_CODEC_RAW
DAG_PB = _abi.IPS_CODEC_DAG_PB
DAG_CBOR = _abi.IPS_CODEC_DAG_CBOR
SHA2_256 = _abi.IPS_HASH_SHA2_256
BLAKE3 = _abi.IPS_HASH_BLAKE3


class Cid:
    """Which bytes, under which codec, named by which hash. `Cid(text)` and `Cid(binary)` read one; `str` and
    `bytes` write it. In order of the binary forms."""

    __slots__ = ("raw",)

    def __init__(self, value: str | Data) -> None:
        self.raw = _abi.ips_cid()
        if isinstance(value, str):
            call("ips_cid_parse", text(value), ctypes.byref(self.raw))
        else:
            call("ips_cid_from_bytes", given(value), ctypes.byref(self.raw))

    @staticmethod
    def of_block(block: Data, codec: int = RAW, hash: int = BLAKE3) -> Cid:
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
        if len(letter := text(base, "a multibase") if base != "\0" else b"\0") != 1:
            raise ValueError(f"a multibase is one ASCII character, not {base!r}")
        size = _abi.IPS_CID_TEXT_SIZE
        return whole(size, "ips_cid_format", ctypes.byref(self.raw), letter).decode()

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

    def __reduce__(self) -> tuple[type[Cid], tuple[bytes]]:
        return Cid, (bytes(self),)

    def __repr__(self) -> str:
        return f"Cid({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cid) and self._compare(other) == 0

    def __lt__(self, other: object) -> bool:
        return self._compare(other) < 0 if isinstance(other, Cid) else NotImplemented

    def __le__(self, other: object) -> bool:
        return self._compare(other) <= 0 if isinstance(other, Cid) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.raw.version, self.raw.codec, self.raw.hash, self.digest))

    def _compare(self, other: Cid) -> int:
        return int(library.ips_cid_compare(ctypes.byref(self.raw), ctypes.byref(other.raw)))


def written(function: str, *arguments: object) -> Cid:
    """The CID that a call writes, its last output."""
    raw = _abi.ips_cid()
    call(function, *arguments, ctypes.byref(raw))
    return Cid.of_raw(raw)


def required(cid: Cid) -> object:
    """A CID for a call."""
    if not isinstance(cid, Cid):
        raise TypeError(f"a Cid is wanted, not {kind_of(cid)}")
    return ctypes.byref(cid.raw)


def optional(cid: Cid | None) -> object:
    """A CID for a call; NULL for none."""
    return None if cid is None else required(cid)
