"""Which functions of include/ipldstore.h the bindings and the examples use. One that a binding neither uses
nor leaves out here, with the reason, is an error, and so is one that it uses and leaves out. And what all
functions have in common."""

from __future__ import annotations

import re

from abi_header import HEADER, ROOT, Interface, Type

# Several stores, or several texts, that are read.
INPUTS = Type("ips_store", (True, True))
FREED = "what is not committed is given back, which aborts it"
GROWN = "the structs are made with zeros or the header's initializer"
# What costs what there is, and not what it is given in memory. (A budget bounds ips_root_delete and
# ips_store_dereference.)
LONG = (
    r"ips_\w+_(put|get)_(descriptor|callback)|ips_store_(gc|gc_dry_run|usage|verify|repair|repair_from|heal"
    r"|copy|flatten|forget_fork)|ips_\w+_open_writer|ips_writer_open|ips_iter_next_(change|version)"
    r"|ips_fs_(open|commit|diff|merge|merge_open|overlay|prune|drop_tombstones|branch_(delete|usage|copy)"
    r"|tag_copy|import|export|remove_directory|file_open|put_file|rename|copy|restore|remove|set_\w+"
    r"|remove_attribute)"
)
INITIALIZERS = {
    f"ips_{struct}_init": GROWN
    for struct in (
        "store_information block_information gc_report usage stat verify_report repair_report heal_report"
        " copy_report fs_entry fs_version fs_merge_options fs_import_options fs_import_report"
        " fs_export_options fs_export_report"
    ).split()
}

# Where a binding's code is, and what it does without.
BINDINGS: dict[str, tuple[list[str], dict[str, str]]] = {
    "Rust": (
        ["bindings/rust/ipldstore/src"],
        {
            "ips_strerror": "every error has its message",
            "ips_version_string": "ips_version_number",
            "ips_open_options_init": GROWN,
            **INITIALIZERS,
        },
    ),
    "Python": (
        ["bindings/python/ipldstore"],
        {
            "ips_strerror": "every error has its message",
            "ips_version_number": "ips_version_string",
            "ips_open_options_init": GROWN,
            "ips_batch_abort": FREED,
            **INITIALIZERS,
            "ips_store_repair": "ips_store_repair_from without donors",
        },
    ),
    "C, the examples": (
        ["bindings/c/examples"],
        {"ips_store_repair": "docs/C_GUIDE.md has it"}
        | {name: GROWN for name in INITIALIZERS if name != "ips_fs_entry_init"},
    ),
    "C++": (
        ["bindings/cpp"],
        {
            "ips_strerror": "every error has its message",
            "ips_version_number": "ips_version_string",
            "ips_create_options_init": GROWN,
            "ips_open_options_init": GROWN,
            **INITIALIZERS,
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
            elif path.suffix in (".hpp", ".h", ".c"):
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
            lines.append(f"{binding}: nothing uses {name}, nor does scripts/abi_uses.py say why")
        for name in sorted(set(without) & uses):
            lines.append(f"{binding}: {name} is used, and scripts/abi_uses.py leaves it out")
        for name in sorted(set(without) - names):
            lines.append(f"{binding}: {name}, which is left out, is no function of the header")
    return lines


def rules(interface: Interface) -> list[str]:
    """What all functions have in common, as the top of the header says: where one is another, a line."""
    text = HEADER.read_text()
    # Each declaration with the comment before it, or that of the group it stands in.
    documented = set()
    for block in re.split(r"\n\s*\n", text):
        if "*/" in block and "IPS_API" in block:
            documented |= set(re.findall(r"\b(ips_\w+)\(", block[block.index("*/") :]))
    checked = set(re.findall(r"^IPS_API IPS_CHECKED ips_status (ips_\w+)\(", text, re.M))
    lines = []
    for function in interface.functions:
        name, parameters = function.name, function.parameters
        names = [parameter for _, parameter in parameters]
        if name not in documented:
            lines.append(f"{name} has no comment")
        if function.result.base == "ips_status":
            if name not in checked:
                lines.append(f"{name} returns a status that may be dropped unseen (IPS_CHECKED)")
            if not parameters or parameters[-1] != (Type("ips_error", (False,)), "error"):
                lines.append(f"{name} does not end with an ips_error * called error")
        elif name.endswith(("_close", "_free")):
            if function.result.base != "void" or len(parameters) != 1:
                lines.append(f"{name} gives back something else than the handle that it takes")
        elif "ips_error" in [type_.base for type_, _ in parameters]:
            lines.append(f"{name} has an error and returns no status")
        for type_, parameter in parameters:
            if type_.base == "int" and parameter not in ("descriptor", "origin"):
                lines.append(f"{name} takes an int for {parameter}")
            # What a handle is made of is written last but for the error.
            if type_.base in interface.opaque and len(type_.pointers) == 2 and type_ != INPUTS:
                rest = {"error", "conflicts", "problems", "missing", *names[: names.index(parameter) + 1]}
                if set(names) - rest:
                    lines.append(f"{name} has parameters behind the handle that it makes")
        if re.fullmatch(LONG, name) and "progress" not in names:
            lines.append(f"{name} costs what the data costs, and takes no progress callback")
        if "progress" in names and "context" not in names:
            lines.append(f"{name} has a progress callback and no context for it")
    for struct in interface.structs:
        if struct.fields[0][1] == "struct_size":
            has_macro = f"#define {struct.name.upper()}_INIT" in text
            if not has_macro or f"IPS_API void {struct.name}_init(" not in text:
                lines.append(f"{struct.name} grows, and has not both initializers")
    return lines
