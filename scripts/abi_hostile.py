"""Makes hostile_calls.h for bindings/c/tests/hostile.c: for every function of the header, a call whose
arguments come from hostile.c, by their types and names. A new function is so tried as soon as it is declared.
"""

from __future__ import annotations

from abi_header import Function, Interface, Type, wrapped

# Texts are made by what the parameter is for.
TEXTS = {
    "base": "PATH", "was": "PATH", "is_now": "PATH", "directory": "PATH", "path": "VALUE_PATH",
    "text": "CID_TEXT",
}
NUMBERS = {
    "budget": "BUDGET", "offset": "OFFSET", "size": "OFFSET", "length": "LENGTH", "codec": "CODEC",
    "hash": "HASH",
}
INTEGERS = ("size_t", "uint64_t", "int64_t", "uint32_t", "int32_t", "int", "char", "ips_status")


# Structs whose fields stay as they are: an export that replaces would take the stores away.
PLAIN = {"ips_fs_export_options"}

# Whose CID need not be wanted.
MAY_DROP_CID = {"ips_fs_commit", "ips_fs_merge"}


def hostile(interface: Interface) -> str:
    out = [
        "/* Written by scripts/abi from include/ipldstore.h; included by hostile.c. */",
        "",
        "enum kind {",
        *(f"    {kind(name)}," for name in interface.opaque),
        "    KINDS",
        "};",
        "",
    ]
    for function in interface.functions:
        out += call(interface, function)
    out += ["static const struct {", "    const char *name;", "    void (*call)(struct caller *);"]
    out.append("} calls[] = {")
    out += [f'    {{"{function.name}", call_{function.name}}},' for function in interface.functions]
    out.append("};")
    return "\n".join(out) + "\n"


def kind(name: str) -> str:
    return "KIND_" + name.removeprefix("ips_").upper()


def call(interface: Interface, function: Function) -> list[str]:
    """The function that calls `function`: arguments, the call, and what becomes of its results."""
    structs = {struct.name: struct for struct in interface.structs}
    growing = {name for name, struct in structs.items() if struct.fields[0][1] == "struct_size"}
    plain = PLAIN | {name for name in growing if any(kind_.pointers for kind_, _, _ in structs[name].fields)}
    names = [name for _, name in function.parameters]
    before: list[str] = []
    after: list[str] = []
    gives_back: tuple[str, str] | None = None
    for index, (type_, name) in enumerate(function.parameters):
        base, pointers = type_.base, type_.pointers
        follower = names[index + 1] if index + 1 < len(names) else ""
        if base in interface.opaque and len(pointers) == 1:
            text = f"{c(type_)}{name} = any_handle(caller, {kind(base)})"
            if function.result.base == "void" and not pointers[0]:
                gives_back = (kind(base), name)
        elif base in interface.opaque and pointers[0]:
            text = f"{c(type_)}{name} = any_handles(caller, {kind(base)})"
        elif base in interface.opaque:
            text = f"{c(type_)}{name} = place(caller, sizeof(void *), sizeof(void *))"
            after.append(f"if (status == IPS_OK) keep_handle(caller, {kind(base)}, {name});")
        elif base == "ips_bytes" and not pointers:
            text = f"ips_bytes {name} = any_bytes(caller)"
        elif base == "ips_cid" and pointers == (True,):
            text = f"const ips_cid *{name} = any_cid(caller)"
        elif base == "ips_cid":
            text = f"ips_cid *{name} = place(caller, sizeof(ips_cid), 8)"
            wanted = f" && {name} != NULL" if function.name in MAY_DROP_CID else ""
            after.append(f"if (status == IPS_OK{wanted}) keep_cid(caller, {name});")
        elif base in growing:
            text = f"{c(type_)}{name} = any_struct(caller, sizeof({base}), {str(base in plain).lower()})"
        elif base in structs and pointers == (True,) and follower == "count":
            text = f"const {base} *{name} = any_{base}s(caller)"
        elif base in structs and pointers:
            text = f"{c(type_)}{name} = place(caller, sizeof({base}), 8)"
        elif base == "char" and pointers == (True,):
            # A path that comes first is a file's, another one leads into a value.
            use = "PATH" if name == "path" and index == 0 else TEXTS.get(name, "NAME")
            if function.name == "ips_fs_remove_directory":
                use = "NAME"  # No name is a store's.
            text = f"const char *{name} = any_text(caller, TEXT_{use})"
        elif base == "char" and pointers == (True, True):
            use = "PATH" if name == "bases" else "NAME"
            text = f"const char *const *{name} = any_texts(caller, TEXT_{use})"
        elif follower.endswith("capacity"):
            text = f"{c(type_)}{name} = any_buffer(caller)"
        elif name.endswith("capacity"):
            text = f"size_t {name} = any_capacity(caller)"
        elif base in ("size_t", "uint64_t", "int64_t", "uint32_t", "int32_t", "bool") and pointers:
            text = f"{c(type_)}{name} = place(caller, sizeof({base}), sizeof({base}))"
        elif base == "void":
            text = f"void *{name} = caller"
        elif base in {callback.name for callback in interface.callbacks}:
            text = f"{base} {name} = any_{base}(caller)"
        elif name == "descriptor":
            text = f"int {name} = any_descriptor(caller)"
        elif name == "count" and not pointers:
            text = "size_t count = any_count(caller)"
        elif base == "bool" and not pointers:
            text = f"bool {name} = any_number(caller, NUMBER_SMALL) & 1"
        elif not pointers and base in INTEGERS:
            text = f"{base} {name} = ({base})any_number(caller, NUMBER_{NUMBERS.get(name, 'SMALL')})"
        else:
            raise SystemExit(f"abi: hostile.c has no argument for {c(type_)}{name} of {function.name}")
        before.append(text + ";")
    def calling(before: str, after: str) -> str:
        return wrapped(before + function.name + "(", names, ")" + after, "    ").replace(",\n    )", ")")

    lines = [f"static void call_{function.name}(struct caller *caller) {{", *before]
    rarity = {"commit": 4, "abort": 4, "seal": 100}.get(function.name.rpartition("_")[2])
    if rarity:
        # What has ended is of little use to the other calls.
        lines.insert(1, f"if (!one_in(caller, {rarity})) return;")
    result = function.result
    if result.base == "ips_status" and not result.pointers:
        lines.append(calling("ips_status status = ", ";"))
        lines.append(f'judge(caller, "{function.name}", status);')
        lines += after
    elif gives_back:
        lines.append(f"if (!may_give_back(caller, {gives_back[1]})) return;")
        lines.append(calling("", ";"))
        lines.append(f"forget_handle(caller, {gives_back[0]}, {gives_back[1]});")
    elif result.base == "ips_bytes":
        lines.append(calling("look_at(caller, ", ");"))
    else:
        lines.append(calling("(void)", ";"))
        if "status" not in names and not any(kind_.base == "ips_error" for kind_, _ in function.parameters):
            lines.append("(void)caller;")
    return [lines[0], *("    " + line for line in lines[1:]), "}", ""]


def c(type_: Type) -> str:
    """A C type in front of a name."""
    text = ("const " if type_.pointers and type_.pointers[0] else "") + type_.base + " "
    for is_const in (*type_.pointers[1:], False)[: len(type_.pointers)]:
        text += "*const " if is_const else "*"
    return text
