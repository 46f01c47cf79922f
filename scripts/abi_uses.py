"""Which functions of include/ipldstore.h the bindings use. One that a binding neither uses nor leaves out
here, with the reason, is an error, and so is one that it uses and leaves out."""

from __future__ import annotations

import re

from abi_header import ROOT, Interface

FREED = "what is not committed is given back, which aborts it"
GROWN = "the structs are made with zeros or the header's initializer"

# Where a binding's code is, and what it does without.
BINDINGS: dict[str, tuple[list[str], dict[str, str]]] = {
    "Rust": (
        ["bindings/rust/ipldstore/src"],
        {
            "ips_strerror": "every error has its message",
            "ips_version_string": "ips_version_number",
            "ips_open_options_init": GROWN,
        },
    ),
    "Python": (
        ["bindings/python/ipldstore"],
        {
            "ips_strerror": "every error has its message",
            "ips_version_number": "ips_version_string",
            "ips_open_options_init": GROWN,
            "ips_batch_abort": FREED,
            "ips_store_repair": "ips_store_repair_from without donors",
        },
    ),
    "C++": (
        ["bindings/cpp"],
        {
            "ips_strerror": "every error has its message",
            "ips_version_number": "ips_version_string",
            "ips_create_options_init": GROWN,
            "ips_open_options_init": GROWN,
        },
    ),
}


def used(places: list[str]) -> set[str]:
    """The functions that code calls; comments and declarations do not count."""
    found: set[str] = set()
    for place in places:
        for path in sorted((ROOT / place).rglob("*")):
            if path.suffix == ".rs":
                code = re.sub(r"//.*", "", path.read_text())
                found |= set(re.findall(r"\bips_\w+", code))
            elif path.suffix == ".hpp":
                code = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
                found |= set(re.findall(r"\bips_\w+", code))
            elif path.suffix == ".py" and path.name != "_abi.py":
                code = path.read_text()
                for quoted, called in re.findall(r'"(ips_\w+)"|\blibrary\.(ips_\w+)', code):
                    found.add(quoted or called)
                # Stores and batches share what differs in the prefix only.
                for name in re.findall(r'_prefix \+ "(\w+)"|self\._put\("(\w+)"', code):
                    found |= {"ips_store_" + "".join(name), "ips_batch_" + "".join(name)}
    return found


def missing(interface: Interface) -> list[str]:
    """What is wrong, a line each."""
    names = {function.name for function in interface.functions}
    lines = []
    for binding, (places, without) in BINDINGS.items():
        uses = used(places)
        for name in sorted(names - uses - set(without)):
            lines.append(f"{binding} does not use {name}, nor does scripts/abi_uses.py say why")
        for name in sorted(set(without) & uses):
            lines.append(f"{binding} uses {name}, which scripts/abi_uses.py leaves out")
        for name in sorted(set(without) - names):
            lines.append(f"{binding} leaves out {name}, which is no function of the header")
    return lines
