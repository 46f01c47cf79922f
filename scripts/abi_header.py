"""Reads include/ipldstore.h: constants, structs, callbacks and functions, with the values, sizes and offsets
that a C compiler makes of them. What is not understood is an error."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = ROOT / "include" / "ipldstore.h"
@dataclass(frozen=True)
class Type:
    """A C type: a base name and, from the inside out, whether what each pointer points to is const."""

    base: str
    pointers: tuple[bool, ...] = ()

    @staticmethod
    def parse(text: str) -> Type:
        parts = [part.split() for part in text.split("*")]
        words = [word for word in parts[0] if word not in ("const", "struct")]
        if len(words) != 1:
            raise SystemExit(f"abi: this type is not understood: {text!r}")
        # The n-th pointer points to what is before its star.
        return Type(words[0], tuple("const" in part for part in parts[:-1]))


@dataclass
class Struct:
    name: str
    # Type, name, elements (0: no array)
    fields: list[tuple[Type, str, int]]
    size: int = 0
    places: list[tuple[int, int]] = field(default_factory=list)


@dataclass
class Function:
    name: str
    result: Type
    parameters: list[tuple[Type, str]]


@dataclass
class Interface:
    constants: dict[str, int] = field(default_factory=dict)
    unsigned: set[str] = field(default_factory=set)
    opaque: list[str] = field(default_factory=list)
    structs: list[Struct] = field(default_factory=list)
    callbacks: list[Function] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)


def compiler() -> str:
    for name in [os.environ.get("CC", ""), "cc", "gcc", "clang"]:
        if name and subprocess.run(["sh", "-c", f"command -v {name}"], capture_output=True).returncode == 0:
            return name
    raise SystemExit("abi: no C compiler is installed")


def preprocessed(*flags: str) -> str:
    """The header without comments, with its own macros and without those of the system's headers."""
    text = re.sub(r"^#include <.*>$", "", HEADER.read_text(), flags=re.M)
    text = text.replace("__attribute__((visibility(\"default\")))", "")
    text = text.replace("__attribute__((warn_unused_result))", "")
    command = [compiler(), "-E", "-P", *flags, "-x", "c", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def parameters(text: str) -> list[tuple[Type, str]]:
    if text.strip() in ("", "void"):
        return []
    found = []
    for parameter in text.split(","):
        match = re.fullmatch(r"(.*[\s*])(\w+)", parameter.strip(), re.S)
        if not match:
            raise SystemExit(f"abi: this parameter is not understood: {parameter!r}")
        found.append((Type.parse(match[1]), match[2]))
    return found


def read() -> Interface:
    interface = Interface()
    text = preprocessed()
    defines = re.findall(r"^#define (IPS_\w+)(?!\()[ \t]+(\S.*)$", preprocessed("-dM"), re.M)
    names = [name for name, value in defines if not name.endswith(("_INIT", "_API", "_CHECKED"))]
    # In the order of the header, which -dM does not keep.
    source = HEADER.read_text()
    macros = sorted(names, key=lambda name: source.index(f"#define {name} "))
    declaration = re.compile(
        r"""\s*(?:
            enum\s*\{(?P<enum>[^}]*)\}
          | typedef\s+struct\s+(?P<struct>\w+)\s*\{(?P<body>[^}]*)\}\s*\w+
          | typedef\s+struct\s+(?P<opaque>\w+)\s+\w+
          | typedef\s+int32_t\s+ips_status
          | typedef\s+ips_status\s*\(\*(?P<callback>\w+)\)\s*\((?P<taken>[^)]*)\)
          | (?P<result>[\w\s*]*[\s*])(?P<function>ips_\w+)\s*\((?P<parameters>[^)]*)\)
        )\s*;""",
        re.X,
    )
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = declaration.match(text, position)
        if not match:
            raise SystemExit(f"abi: this is not understood: {text[position:position + 200]!r}")
        position = match.end()
        if match["enum"] is not None:
            macros += [item.split("=")[0].strip() for item in match["enum"].split(",") if item.strip()]
        elif match["struct"]:
            fields = []
            for item in filter(None, map(str.strip, match["body"].split(";"))):
                parts = re.fullmatch(r"(.*[\s*])(\w+)(?:\[(\d+)\])?", item, re.S)
                if not parts:
                    raise SystemExit(f"abi: this field is not understood: {item!r}")
                fields.append((Type.parse(parts[1]), parts[2], int(parts[3] or 0)))
            interface.structs.append(Struct(match["struct"], fields))
        elif match["opaque"]:
            interface.opaque.append(match["opaque"])
        elif match["callback"]:
            interface.callbacks.append(
                Function(match["callback"], Type("ips_status"), parameters(match["taken"]))
            )
        elif match["function"]:
            result = Type.parse(match["result"])
            interface.functions.append(
                Function(match["function"], result, parameters(match["parameters"]))
            )
    measure(interface, macros)
    return interface


def measure(interface: Interface, constants: list[str]) -> None:
    """Has a compiled program tell values, sizes and offsets."""
    lines = ["#include <ipldstore.h>", "#include <stdio.h>", "int main(void) {"]
    for name in constants:
        lines.append(f'printf("%d %llu\\n", ({name}) < 0, (unsigned long long)({name}));')
        is_u64 = f"_Generic(({name}), unsigned long: 1, unsigned long long: 1, default: 0)"
        lines.append(f'printf("%d\\n", {is_u64});')
    for struct in interface.structs:
        lines.append(f'printf("%zu\\n", sizeof({struct.name}));')
        for _, name, _ in struct.fields:
            place = f"offsetof({struct.name}, {name}), sizeof((({struct.name} *)0)->{name})"
            lines.append(f'printf("%zu %zu\\n", {place});')
    lines += ["return 0;", "}"]
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/measure"
        subprocess.run(
            [compiler(), "-std=c11", "-x", "c", "-", "-I", str(HEADER.parent), "-o", program],
            input="\n".join(lines), text=True, check=True,
        )
        output = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
    answers = iter(output)
    for name in constants:
        is_negative, value = next(answers).split()
        interface.constants[name] = int(value) - (2**64 if is_negative == "1" else 0)
        if next(answers) == "1":
            interface.unsigned.add(name)
    for struct in interface.structs:
        struct.size = int(next(answers))
        for _ in struct.fields:
            offset, size = next(answers).split()
            struct.places.append((int(offset), int(size)))


def wrapped(opening: str, items: list[str], closing: str, indent: str) -> str:
    """A list on one line where it fits in 110 columns, else on as many as it takes, a step further in."""
    line = opening + ", ".join(items) + closing
    if len(line) <= 110:
        return line
    lines, line = [opening.rstrip()], ""
    for item in items:
        if line and len(indent) + 4 + len(line) + len(item) + 2 > 110:
            lines.append(indent + "    " + line.rstrip())
            line = ""
        line += item + ", "
    lines.append(indent + "    " + line.rstrip())
    return "\n".join([*lines, indent + closing.lstrip()])
