# SPDX-License-Identifier: MIT
#
# For tests that look at results of load: what docs/load-results.schema.json
# says of them, by as much of JSON Schema as that file uses.
import json
import os
import re

SCHEMA = os.path.join(os.environ["COIR_SOURCE"], "docs", "load-results.schema.json")
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int,
         "number": (int, float)}


def is_of(value, name):
    return isinstance(value, TYPES[name]) and (name in ("boolean", "null") or not isinstance(value, bool))


def check_type(schema, value):
    names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return any(is_of(value, name) for name in names)


def check_unknown(schema, value):
    return not isinstance(value, dict) or schema["additionalProperties"] or set(value) <= set(schema["properties"])


# Each keyword: whether the value is as it says. A keyword that is not here would be taken for granted, and is an error.
KEYWORDS = {
    "$schema": lambda schema, value: True,
    "title": lambda schema, value: True,
    "description": lambda schema, value: True,
    "items": lambda schema, value: True,  # those three lead further down
    "prefixItems": lambda schema, value: True,
    "properties": lambda schema, value: True,
    "type": check_type,
    "const": lambda schema, value: value == schema["const"] and type(value) is type(schema["const"]),
    "enum": lambda schema, value: value in schema["enum"],
    "required": lambda schema, value: not isinstance(value, dict) or set(schema["required"]) <= set(value),
    "additionalProperties": check_unknown,
    "minimum": lambda schema, value: value is None or value >= schema["minimum"],
    "maximum": lambda schema, value: value is None or value <= schema["maximum"],
    "minItems": lambda schema, value: len(value) >= schema["minItems"],
    "maxItems": lambda schema, value: len(value) <= schema["maxItems"],
    "maxLength": lambda schema, value: len(value) <= schema["maxLength"],
    "pattern": lambda schema, value: re.search(schema["pattern"], value) is not None,
}


def list_parts(schema, value, where):
    """What lies further down: a schema, its value, and where that is."""
    if isinstance(value, dict):
        for name, part in schema.get("properties", {}).items():
            if name in value:
                yield part, value[name], where + "." + name
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if "items" in schema:
                yield schema["items"], item, "%s[%d]" % (where, index)
            if index < len(schema.get("prefixItems", [])):
                yield schema["prefixItems"][index], item, "%s[%d]" % (where, index)


def find_flaw(schema, value, where=""):
    """Where the value is not as the schema says, and by which keyword; None if it is."""
    for keyword in schema:
        try:
            holds = KEYWORDS[keyword](schema, value)
        except TypeError:  # a bound of something that is no number
            holds = False
        if not holds:
            return "%s: %s" % (where or "all", keyword)
    for part, below, there in list_parts(schema, value, where):
        flaw = find_flaw(part, below, there)
        if flaw:
            return flaw
    return None


def read_schema():
    with open(SCHEMA, encoding="utf-8") as file:
        return json.load(file)


def check_file(path):
    """What is wrong with a file; None if nothing is."""
    with open(path, encoding="utf-8") as file:
        return find_flaw(read_schema(), json.load(file))
