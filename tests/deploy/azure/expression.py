"""The expressions of ARM templates, `[concat(parameters('a'), 'b')]`: text to values.

In: a string of a template, and a scope that knows parameters, variables and the machine's surroundings. Out: its value.
Only functions that the templates of deploy/azure use are known; another one is an error and not a guess.
"""

import base64
import json
import re
import uuid

TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>-?\d+)|(?P<word>[A-Za-z_]\w*)|(?P<sign>[()\[\].,]))", re.S
)


class Wrong(Exception):
    """What is wrong with an expression."""


def is_expression(text):
    return text.startswith("[") and text.endswith("]") and not text.startswith("[[")


def value_of(text, scope):
    """The value of a string of a template."""
    if not is_expression(text):
        return text[1:] if text.startswith("[[") else text
    tokens = tokens_of(text[1:-1])
    value, rest = term(tokens, scope)
    if rest:
        raise Wrong(f"{rest[0][1]!r} is left over in {text}")
    return value


def tokens_of(text):
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if not match:
            raise Wrong(f"cannot be read: {text[at:at + 30]!r}")
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


def expect(tokens, sign):
    if not tokens or tokens[0] != ("sign", sign):
        raise Wrong(f"{sign!r} is missing")
    return tokens[1:]


def term(tokens, scope):
    if not tokens:
        raise Wrong("the expression ends too early")
    (kind, text), tokens = tokens[0], tokens[1:]
    if kind == "string":
        value = text[1:-1].replace("''", "'")
    elif kind == "number":
        value = int(text)
    elif kind == "word":
        arguments, tokens = call(expect(tokens, "("), scope)
        value = scope.call(text, arguments)
    else:
        raise Wrong(f"{text!r} is not expected here")
    return steps(value, tokens, scope)


def call(tokens, scope):
    arguments = []
    while tokens and tokens[0] != ("sign", ")"):
        if arguments:
            tokens = expect(tokens, ",")
        value, tokens = term(tokens, scope)
        arguments.append(value)
    return arguments, expect(tokens, ")")


def steps(value, tokens, scope):
    """Properties and elements: `.name` and `[index]`; the names of properties have no case."""
    while tokens and tokens[0] in (("sign", "."), ("sign", "[")):
        if tokens[0][1] == ".":
            if len(tokens) < 2 or tokens[1][0] != "word":
                raise Wrong("a property is missing after '.'")
            key, tokens = tokens[1][1], tokens[2:]
        else:
            key, tokens = term(tokens[1:], scope)
            tokens = expect(tokens, "]")
        value = part(value, key)
    return value, tokens


def part(value, key):
    if isinstance(value, dict):
        for name, inner in value.items():
            if name.lower() == str(key).lower():
                return inner
        raise Wrong(f"there is no property {key!r} among {', '.join(value) or 'none'}")
    if isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
        return value[key]
    raise Wrong(f"{key!r} is no part of {type(value).__name__}")


def union(first, *others):
    """Objects are merged with all that is inside, lists inside of them are replaced: so says the reference."""
    result = dict(first)
    for other in others:
        for key, value in other.items():
            key = next((known for known in result if known.lower() == key.lower()), key)
            both = isinstance(result.get(key), dict) and isinstance(value, dict)
            result[key] = union(result[key], value) if both else value
    return result


def text_of(value):
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def concat(*values):
    return sum(values[1:], values[0]) if isinstance(values[0], list) else "".join(text_of(one) for one in values)


def named(*parts):
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "-".join(parts)))


def resource_id(kind, names):
    provider, *types = kind.split("/")
    if len(types) != len(names):
        raise Wrong(f"{kind} has {len(types)} names and not {len(names)}")
    return f"/providers/{provider}" + "".join(f"/{one}/{name}" for one, name in zip(types, names))


PURE = {
    "add": lambda one, other: one + other,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "concat": concat,
    "createarray": lambda *values: list(values),
    "createobject": lambda *values: dict(zip(values[::2], values[1::2])),
    "empty": lambda value: not value,
    "guid": named,
    "if": lambda test, yes, no: yes if test else no,
    "join": lambda values, between: between.join(values),
    "length": len,
    "null": lambda: None,
    "replace": lambda text, old, new: text.replace(old, new),
    "split": lambda text, between: text.split(between),
    "string": text_of,
    "tolower": str.lower,
    "union": union,
    "uniquestring": lambda *parts: named(*parts).replace("-", "")[:13],
}
