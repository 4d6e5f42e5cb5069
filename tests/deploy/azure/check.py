"""Reads the templates of deploy/azure as Azure Resource Manager would, and holds each resource against Microsoft's SDK.

In: a folder of templates, a file with the values of their parameters, and the schema of cloud-init. Out, as JSON:
`problems`, each with its template and path; `resources`, the bodies after evaluation; `files`, what the user data of
each machine writes; `network`, the virtual network that vnet-dns.json found. Exit code 1 if there are problems.

`target/deploy-tools/bin/python tests/deploy/azure/check.py deploy/azure --embed` writes cloud-init.yaml into
servers.json, after a change of it.

The models of azure-mgmt-* are a second reader: they are generated from the descriptions of the same API, and they know
which keys there are, their types, the words that an enumeration has, and what is read-only. They do not know which keys
are required together, nor what a subscription allows: that only Azure can say.
"""

import base64
import ipaddress
import json
import pathlib
import re
import sys

import jsonschema
import yaml

from arm import NETWORK, Scope, evaluate_template
from models import check_body, versions

TEMPLATES = ("rights.json", "servers.json", "vnet-dns.json")


def embed(folder):
    """Writes cloud-init.yaml into the variable of servers.json, a line each."""
    lines = (folder / "cloud-init.yaml").read_text().rstrip("\n").split("\n")
    text = (folder / "servers.json").read_text()
    before, rest = text.split('"cloudInit": [\n', 1)
    after = rest[rest.index("\n    ],") :]
    body = ",\n".join("      " + json.dumps(line, ensure_ascii=False) for line in lines)
    (folder / "servers.json").write_text(f'{before}"cloudInit": [\n{body}{after}')


def embedded(folder, problems):
    """servers.json must hold cloud-init.yaml; a line that begins with a bracket would be an expression."""
    lines = (folder / "cloud-init.yaml").read_text().rstrip("\n").split("\n")
    held = json.loads((folder / "servers.json").read_text())["variables"]["cloudInit"]
    if lines != held:
        problems.append("servers.json: variables.cloudInit is not cloud-init.yaml: embed it anew")
    problems += [f"cloud-init.yaml:{n}: begins with a bracket" for n, line in enumerate(lines, 1) if line[:1] == "["]


def addresses(resources, parameters, problems):
    """Every fixed address lies in the subnet, is used once, and is none of the five that Azure keeps."""
    subnet = ipaddress.ip_network(parameters["subnetPrefix"])
    kept = list(subnet)[:4] + [subnet[-1]]
    seen = set()
    for place, body in resources:
        for part in ("frontendIPConfigurations", "ipConfigurations"):
            for one in body.get("properties", {}).get(part, []):
                address = ipaddress.ip_address(one["properties"]["privateIPAddress"])
                if address not in subnet or address in kept or address in seen:
                    problems.append(f"{place}: {address} is outside {subnet}, kept by Azure, or used twice")
                seen.add(address)


def user_data(text, schema, problems):
    """The schema of cloud-init does not mind a key that it does not know; the keys of all modules are in it, though."""
    config = yaml.safe_load(text)
    known = {key for module in schema["$defs"].values() for key in module.get("properties", {})}
    problems += [f"cloud-init.yaml: {key} is no key of cloud-init" for key in sorted(set(config) - known)]
    for error in jsonschema.Draft4Validator(schema).iter_errors(config):
        for cause in error.context or [error]:
            problems.append(f"cloud-init.yaml: {'.'.join(map(str, cause.absolute_path))}: {cause.message}")
    problems += [f"cloud-init.yaml: {word} is not replaced" for word in re.findall(r"@\w+@", text)]
    return {one.get("path"): one.get("content") for one in config.get("write_files", [])}


def main():
    folder = pathlib.Path(sys.argv[1])
    if "--embed" in sys.argv:
        return embed(folder)
    values = json.loads(pathlib.Path(sys.argv[2]).read_text())
    schema = json.loads(pathlib.Path(sys.argv[3]).read_text())
    problems, resources, files = [], {}, {}
    problems += versions()
    embedded(folder, problems)
    for name in TEMPLATES:
        template = json.loads((folder / name).read_text())
        found = evaluate_template(template, values[name], Scope.sample(name), problems)
        for place, body in found:
            check_body(place, body, problems)
        resources[name] = [body for _, body in found]
        if name == "servers.json":
            addresses(found, values[name], problems)
            for body in resources[name]:
                if data := body.get("properties", {}).get("osProfile", {}).get("customData"):
                    files[body["name"]] = user_data(base64.b64decode(data).decode(), schema, problems)
    problems = sorted(set(problems))
    print(json.dumps({"problems": problems, "resources": resources, "files": files, "network": NETWORK}))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
