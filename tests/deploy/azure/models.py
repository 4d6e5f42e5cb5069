"""Microsoft's generated models as a reader of a resource's body: unknown and read-only keys, types, enumerations.

In: the body of a resource as it would be sent to Azure. Out: a line for each key that the API does not have as it is.
"""

import enum
import re
import sys
import typing

import azure.mgmt.authorization.v2022_04_01.models as authorization
import azure.mgmt.compute.models as compute
import azure.mgmt.msi.v2024_11_30.models as msi
import azure.mgmt.network.models as network
from azure.mgmt.compute import operations as compute_operations
from azure.mgmt.network import operations as network_operations

# What azure-mgmt-* of the pinned versions speak: the wrong model would read a template that names another version.
NETWORK, COMPUTE = "2026-03-01", "2026-04-01"

MODELS = {
    "microsoft.network/networksecuritygroups": (NETWORK, network.NetworkSecurityGroup),
    "microsoft.network/publicipaddresses": (NETWORK, network.PublicIPAddress),
    "microsoft.network/natgateways": (NETWORK, network.NatGateway),
    "microsoft.network/loadbalancers": (NETWORK, network.LoadBalancer),
    "microsoft.network/networkinterfaces": (NETWORK, network.NetworkInterface),
    "microsoft.network/virtualnetworks": (NETWORK, network.VirtualNetwork),
    "microsoft.network/virtualnetworks/subnets": (NETWORK, network.Subnet),
    "microsoft.compute/virtualmachines": (COMPUTE, compute.VirtualMachine),
    "microsoft.compute/virtualmachines/extensions": (COMPUTE, compute.VirtualMachineExtension),
    "microsoft.managedidentity/userassignedidentities": ("2024-11-30", msi.Identity),
    "microsoft.authorization/roledefinitions": ("2022-04-01", authorization.RoleDefinition),
    "microsoft.authorization/roleassignments": ("2022-04-01", authorization.RoleAssignmentCreateParameters),
}

# Keys of the template language, which Azure Resource Manager takes for itself.
OF_THE_LANGUAGE = {"type", "apiVersion", "name", "dependsOn", "condition", "copy", "scope", "comments"}

# Microsoft says of this enumeration that it is no longer kept: sizes differ by region anyway.
NOT_KEPT = {"HardwareProfile.vmSize"}

# What is written back as it was read may hold what is read-only: Azure takes no notice of it.
WRITTEN_BACK = {"microsoft.network/virtualnetworks"}


def check_body(place, body, problems):
    kind = body["type"].lower()
    if kind not in MODELS:
        problems.append(f"{place}: no model is known for {body['type']}")
        return
    version, model = MODELS[kind]
    if body["apiVersion"] != version:
        problems.append(f"{place}: apiVersion {body['apiVersion']}, and the model is of {version}")
    rest = {key: value for key, value in body.items() if key not in OF_THE_LANGUAGE}
    Reader(place, problems, kind in WRITTEN_BACK).model(model, rest, "")


def resolve(hint, package):
    """Inside of a list, a model is named by a text."""
    text = hint.__forward_arg__ if isinstance(hint, typing.ForwardRef) else hint
    return getattr(package, text.removeprefix("_models.")) if isinstance(text, str) else hint


class Reader:
    def __init__(self, place, problems, written_back):
        self.place, self.problems, self.written_back = place, problems, written_back

    def say(self, path, what):
        self.problems.append(f"{self.place}: {path.lstrip('.')}: {what}")

    def model(self, model, body, path):
        if not isinstance(body, dict):
            return self.say(path, f"{model.__name__} is an object")
        if hasattr(model, "_attribute_map"):
            return self.older(model, body, path)
        model({})  # The fields of a model are known once it was made.
        fields = {}
        for base in reversed(model.__mro__):
            fields.update({f._rest_name: (n, f) for n, f in (getattr(base, "_attr_to_rest_field", None) or {}).items()})
        package = sys.modules[model.__module__.rsplit(".", 1)[0]]
        hints = typing.get_type_hints(model, vars(sys.modules[model.__module__]) | {"_models": package})
        for key, value in body.items():
            if key not in fields:
                self.say(f"{path}.{key}", f"{model.__name__} has no such property")
                continue
            attribute, field = fields[key]
            if field._visibility == ["read"] and not self.written_back:
                self.say(f"{path}.{key}", "read-only")
            if f"{model.__name__}.{key}" not in NOT_KEPT:
                self.value(hints[attribute], value, f"{path}.{key}", package)

    def value(self, hint, value, path, package):
        choices = [hint] = [resolve(hint, package)]
        if typing.get_origin(hint) is typing.Union:
            choices = [resolve(one, package) for one in typing.get_args(hint) if one is not type(None)]
            if value is None and len(choices) < len(typing.get_args(hint)):
                return None
        words = [one for one in choices if isinstance(one, type) and issubclass(one, enum.Enum)]
        if words:
            allowed = [member.value for member in words[0]]
            if not isinstance(value, str) or value.lower() not in [word.lower() for word in allowed]:
                self.say(path, f"{value!r} is none of {', '.join(allowed)}")
            return None
        return self.one(choices[0], value, path, package)

    def one(self, hint, value, path, package):
        origin = typing.get_origin(hint)
        if origin in (list, typing.List):
            if not isinstance(value, list):
                return self.say(path, "not a list")
            for number, item in enumerate(value):
                self.value(typing.get_args(hint)[0], item, f"{path}[{number}]", package)
        elif origin in (dict, typing.Dict):
            if not isinstance(value, dict):
                return self.say(path, "not an object")
            for key, item in value.items():
                self.value(typing.get_args(hint)[1], item, f"{path}.{key}", package)
        elif isinstance(hint, type) and hint.__module__.startswith("azure.mgmt."):
            self.model(hint, value, path)
        elif hint in (str, int, bool):
            if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
                self.say(path, f"{value!r} is not of the type {hint.__name__}")
        return None

    def older(self, model, body, path):
        """A model of the older generator names its keys by their path, and its types by words."""
        keys = {}
        for attribute, entry in model._attribute_map.items():
            keys[entry["key"].replace("\\.", "\0")] = (attribute, entry["type"])
        read_only = {name for name, rules in model._validation.items() if rules.get("readonly")}
        required = {name for name, rules in model._validation.items() if rules.get("required")}
        given = set()
        for key, value in self.flat(body, keys, ""):
            if key not in keys:
                self.say(f"{path}.{key}", f"{model.__name__} has no such property")
                continue
            attribute, kind = keys[key]
            given.add(attribute)
            if attribute in read_only:
                self.say(f"{path}.{key}", "read-only")
            self.word(model, kind, value, f"{path}.{key}")
        for name in sorted(required - given):
            self.say(f"{path}.{name}", "missing")

    @staticmethod
    def flat(body, keys, prefix):
        for key, value in body.items():
            name = prefix + key
            if isinstance(value, dict) and any(known.startswith(name + ".") for known in keys):
                yield from Reader.flat(value, keys, name + ".")
            else:
                yield name, value

    def word(self, model, kind, value, path):
        if match := re.fullmatch(r"\[(.*)\]", kind):
            if not isinstance(value, list):
                return self.say(path, "not a list")
            for number, item in enumerate(value):
                self.word(model, match[1], item, f"{path}[{number}]")
        elif kind in ("str", "bool", "int"):
            if not isinstance(value, {"str": str, "bool": bool, "int": int}[kind]):
                self.say(path, f"{value!r} is not of the type {kind}")
        elif inner := getattr(sys.modules[model.__module__], kind, None):
            self.model(inner, value, path)
        return None


def versions():
    """The versions that the SDK sends, from its own source."""
    sent = (("network", network_operations, NETWORK), ("compute", compute_operations, COMPUTE))
    for name, operations, version in sent:
        text = open(operations._operations.__file__).read()
        if f'_params.pop("api-version", "{version}")' not in text:
            yield f"azure-mgmt-{name} does not speak {version}"
