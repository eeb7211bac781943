"""The output of both toolkits as lists of (title, {field: value}), with the same names."""

from __future__ import annotations

import re

_TITLES = {
    "D-H Commit Message": "DHCommit",
    "D-H Key Message": "DHKey",
    "Reveal Signature Message": "RevealSignature",
    "Signature Message": "Signature",
    "Data Message": "DataMessage",
}
_NAMES = {
    "Version": "version",
    "Flags": "flags",
    "Sender instance": "sender instance",
    "Receiver instance": "receiver instance",
    "Encrypted Key": "encrypted gx",
    "Hashed Key": "hashed gx",
    "D-H Key": "gy",
    "Key": "r",
    "Encrypted Signature": "encrypted signature",
    "MAC": "mac",
    "Sender keyid": "sender keyid",
    "Rcpt keyid": "recipient keyid",
    "DH y": "next key",
    "Counter": "counter",
    "Encrypted message": "ciphertext",
}


def read_theirs(output):
    """Read the output of otr_parse."""
    messages = []
    for line in output.decode().splitlines():
        name, colon, value = line.strip().partition(":")
        if not line.startswith("\t"):
            if name in _TITLES:
                messages.append((_TITLES[name], {}))
        elif match := re.fullmatch(r"Key (\d+)", name):
            messages[-1][1][f"key {match[1]}"] = value.strip()
        elif name != "Revealed MAC keys":
            assert colon
            value = value.strip()
            messages[-1][1][_NAMES[name]] = str(int(value)) if name == "Version" else value
    return messages


def read_ours(output):
    """Read the output of otrfast parse; nested fields are flattened."""
    messages = []
    for line in output.decode().splitlines():
        if match := re.match(r"\[\d+\] (\w+) \(", line):
            messages.append((match[1], {}))
            continue
        name, _, value = line.strip().partition(":")
        value = re.sub(r" \((0x[0-9a-f]{8}|IGNORE_UNREADABLE)\)$", "", value.strip())
        messages[-1][1][name] = value
    return messages


def fields_of_libotr(output):
    """Read the output of otrfast parse, without the fields that libotr's program does not show."""
    known = set(_TITLES.values())
    return [
        (
            title,
            {name: value for name, value in fields.items() if name not in ("old mac keys", "gx")},
        )
        for title, fields in read_ours(output)
        if title in known
    ]


def value(output, name):
    """Return the value after a label in the output of sesskeys or mackey."""
    label = re.escape(name).replace(r"\ ", r"\s+")
    found = re.search(rf"^{label}:\s*(\S+)$", output.decode(), re.MULTILINE | re.IGNORECASE)
    assert found, name
    return found[1]
