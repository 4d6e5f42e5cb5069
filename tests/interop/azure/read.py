"""Reads the scripted Azure with Microsoft's own SDK, and prints what it found as JSON.

In: the address of ARM, the kind of identity, and for some a file; REQUESTS_CA_BUNDLE and the variables of that kind.
Out: {"records": [[name, address], ...], "zone": [[name, address], ...], "unknown": [...]}, where `unknown` has the keys
of the raw answers that Microsoft's generated models do not know.
"""

import json
import sys
import typing
import urllib.parse
import urllib.request
import ssl
import os

from azure.identity import (
    CertificateCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.network import models
from azure.mgmt.privatedns import PrivateDnsManagementClient

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
SCOPE = "https://management.azure.com/.default"


def credential(arm, kind, tenant, client, file):
    common = {"authority": arm, "disable_instance_discovery": True}
    if kind == "managed":
        return ManagedIdentityCredential()
    if kind == "user-assigned":
        return ManagedIdentityCredential(client_id=client)
    if kind == "workload":
        return WorkloadIdentityCredential(tenant_id=tenant, client_id=client, token_file_path=file, **common)
    if kind == "secret":
        return ClientSecretCredential(tenant, client, open(file).read(), **common)
    if kind == "certificate":
        return CertificateCredential(tenant, client, certificate_path=file, **common)
    raise SystemExit(f"no such kind: {kind}")


def resolve(hint):
    if isinstance(hint, typing.ForwardRef):
        hint = hint.__forward_arg__
    if isinstance(hint, str):
        return getattr(models, hint.replace("_models.", "").strip("'\""), None) or hint
    return hint


def choices(hint):
    if typing.get_origin(hint) is typing.Union:
        return [one for part in typing.get_args(hint) for one in choices(part) if one is not type(None)]
    return [hint]


def unknown(model, value, found):
    """Walks an answer along the generated model, and notes each key that the model does not know."""
    model(value)
    fields = {}
    for base in reversed(model.__mro__):
        names = getattr(base, "_attr_to_rest_field", None) or {}
        fields.update({field._rest_name: name for name, field in names.items()})
    hints = typing.get_type_hints(model, vars(sys.modules[model.__module__]) | {"_models": models})
    for key, part in value.items():
        if key not in fields:
            found.add(f"{model.__name__}.{key}")
            continue
        for hint in map(resolve, choices(hints[fields[key]])):
            if typing.get_origin(hint) is list:
                if not isinstance(part, list):
                    found.add(f"{model.__name__}.{key}: no list")
                    continue
                inner = resolve(typing.get_args(hint)[0])
                if isinstance(inner, type) and hasattr(inner, "_attr_to_rest_field"):
                    for one in part:
                        unknown(inner, one, found)
            elif isinstance(hint, type) and hasattr(hint, "_attr_to_rest_field") and isinstance(part, dict):
                unknown(hint, part, found)


def raw(url, token):
    context = ssl.create_default_context(cafile=os.environ["REQUESTS_CA_BUNDLE"])
    request = urllib.request.Request(url, headers={"Authorization": "Bearer " + token})
    with urllib.request.urlopen(request, context=context) as answer:
        return json.load(answer)


def main():
    arm, kind, tenant, client, file, group, zone = sys.argv[1:8]
    who = credential(arm, kind, tenant, client, file)
    options = {"base_url": arm, "credential_scopes": [SCOPE]}
    network = NetworkManagementClient(who, SUBSCRIPTION, **options)
    records = []
    for endpoint in network.private_endpoints.list(group):
        every = (endpoint.private_link_service_connections or []) + (
            endpoint.manual_private_link_service_connections or []
        )
        if any(one.private_link_service_connection_state.status != "Approved" for one in every):
            continue
        for interface in endpoint.network_interfaces:
            parts = interface.id.split("/")
            for address in network.network_interfaces.get(parts[4], parts[8]).ip_configurations:
                for name in address.private_link_connection_properties.fqdns:
                    records.append([name, address.private_ip_address])
    dns = PrivateDnsManagementClient(who, SUBSCRIPTION, **options)
    zoned = []
    for kind_of_record, list_of in (("A", "a_records"), ("AAAA", "aaaa_records")):
        for one in dns.record_sets.list_by_type(group, zone, kind_of_record):
            for record in getattr(one, list_of):
                address = record.ipv4_address if kind_of_record == "A" else record.ipv6_address
                zoned.append([one.fqdn.rstrip("."), address])
    token, found = who.get_token(SCOPE).token, set()
    base = f"{arm}/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Network"
    for part, model in (("privateEndpoints", models.PrivateEndpoint), ("networkInterfaces", models.NetworkInterface)):
        for one in raw(f"{base}/{part}?api-version=2023-11-01", token)["value"]:
            unknown(model, one, found)
    print(json.dumps({"records": sorted(records), "zone": sorted(zoned), "unknown": sorted(found)}))


main()
