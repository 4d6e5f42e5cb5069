"""A template with the values of its parameters: to resources, and what is wrong with it before Azure sees it.

In: a template as JSON, values. Out: the resources with every expression evaluated, those of nested deployments too, and
lines for: parameters and variables that are not declared, not used, or without a value that fits; resources that are
there twice; `dependsOn` that leads nowhere; a resource that is named in another one that does not wait for it.
"""

from expression import PURE, Wrong, is_expression, resource_id, value_of

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-dns"
SECTIONS = {"$schema", "contentVersion", "metadata", "parameters", "variables", "resources", "outputs"}
TYPES = {"string": str, "secureString": str, "array": list, "object": dict, "bool": bool, "int": int}

# What is there before: an identity, and a virtual network with all that a careless PUT would lose.
NETWORK = {
    "apiVersion": "2026-03-01",
    "location": "westeurope",
    "tags": {"owner": "network"},
    "properties": {
        "provisioningState": "Succeeded",
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "dhcpOptions": {"dnsServers": ["10.9.0.4", "10.9.0.5"]},
        "flowTimeoutInMinutes": 10,
        "encryption": {"enabled": True, "enforcement": "AllowUnencrypted"},
        "enableDdosProtection": False,
        "subnets": [{"name": "snet-a", "properties": {"addressPrefix": "10.0.1.0/24"}}],
        "virtualNetworkPeerings": [{"name": "hub", "properties": {"allowVirtualNetworkAccess": True}}],
    },
}
IDENTITY = {"clientId": "22222222-2222-3333-4444-555555555555", "principalId": "33333333-2222-3333-4444-555555555555"}


class Scope:
    """Where a template is evaluated: its parameters and variables, and what is around it."""

    def __init__(self, name, group, subscription=SUBSCRIPTION):
        self.name, self.group, self.subscription = name, group, subscription
        self.values, self.variables, self.used, self.deployed, self.index = {}, {}, set(), {}, []

    @staticmethod
    def sample(name):
        return Scope(name, None if name == "rights.json" else "rg-dns")

    def base(self):
        root = f"/subscriptions/{self.subscription}"
        return f"{root}/resourceGroups/{self.group}" if self.group else root

    def call(self, word, arguments):
        word = word.lower()
        if word in PURE:
            return PURE[word](*arguments)
        method = getattr(self, f"fn_{word}", None)
        if method is None:
            raise Wrong(f"the function {word} is not known to this check")
        return method(*arguments)

    def fn_parameters(self, name):
        self.used.add(("parameters", name))
        if name not in self.values:
            raise Wrong(f"the parameter {name} is not declared, or has no value")
        return self.values[name]

    def fn_variables(self, name):
        self.used.add(("variables", name))
        if name not in self.variables:
            raise Wrong(f"the variable {name} is not declared")
        return evaluate(self.variables[name], self)

    def fn_copyindex(self, *_name):
        if not self.index:
            raise Wrong("copyIndex outside of a copy")
        return self.index[-1]

    def fn_subscription(self):
        return {"id": f"/subscriptions/{self.subscription}", "subscriptionId": self.subscription}

    def fn_resourcegroup(self):
        if not self.group:
            raise Wrong("a subscription's deployment has no resource group")
        return {"id": self.base(), "location": "westeurope", "name": self.group}

    def fn_deployment(self):
        return {"name": self.name, "location": "westeurope"}

    def fn_environment(self):
        return {"name": "AzureCloud"}

    def fn_resourceid(self, *parts):
        at = next((n for n, one in enumerate(parts) if "/" in one), None)
        if at is None:
            raise Wrong("resourceId names no type")
        ahead = list(parts[:at])
        group = ahead.pop() if ahead else self.group
        subscription = ahead.pop() if ahead else self.subscription
        return f"/subscriptions/{subscription}/resourceGroups/{group}" + resource_id(parts[at], parts[at + 1 :])

    def fn_subscriptionresourceid(self, kind, *names):
        return f"/subscriptions/{self.subscription}" + resource_id(kind, names)

    def fn_reference(self, what, *more):
        if what in self.deployed:
            return self.deployed[what]
        if "userassignedidentities/" in what.lower() and more:
            return IDENTITY
        if "/virtualnetworks/" in what.lower() and len(more) == 2:
            return NETWORK
        raise Wrong(f"reference to {what}, which is not deployed before")


def evaluate(value, scope):
    if isinstance(value, str):
        return value_of(value, scope)
    if isinstance(value, list):
        return [evaluate(one, scope) for one in value]
    if isinstance(value, dict):
        return {evaluate(key, scope): evaluate(one, scope) for key, one in value.items()}
    return value


def take(template, values, scope, problems):
    """The values of the parameters, and the variables."""
    declared = template.get("parameters", {})
    for name in sorted(set(values) - set(declared)):
        problems.append(f"{scope.name}: a value for {name}, which is not declared")
    for name, rules in declared.items():
        place = f"{scope.name}: parameter {name}"
        if not rules.get("metadata", {}).get("description"):
            problems.append(f"{place}: no description")
        if name not in values and "defaultValue" not in rules:
            problems.append(f"{place}: no value")
            continue
        value = values[name] if name in values else evaluate(rules["defaultValue"], scope)
        if not isinstance(value, TYPES[rules["type"]]):
            problems.append(f"{place}: {value!r} is not of the type {rules['type']}")
        elif isinstance(value, (str, list)):
            if not rules.get("minLength", 0) <= len(value) <= rules.get("maxLength", len(value)):
                problems.append(f"{place}: {len(value)} are too few or too many")
        scope.values[name] = value
    scope.variables = {k: v for k, v in template.get("variables", {}).items() if k != "copy"}
    for loop in template.get("variables", {}).get("copy", []):
        scope.variables[loop["name"]] = repeat(loop["count"], scope, lambda loop=loop: evaluate(loop["input"], scope))


def repeat(count, scope, make):
    found = []
    for number in range(evaluate(count, scope)):
        scope.index.append(number)
        found.append(make())
        scope.index.pop()
    return found


def evaluate_template(template, values, scope, problems):
    """The resources of a template and of those nested in it: where each is, and its body."""
    for section in sorted(set(template) - SECTIONS):
        problems.append(f"{scope.name}: {section} is no section of a template")
    take(template, values, scope, problems)
    found, waits = [], []
    for number, resource in enumerate(template["resources"]):
        place = f"{scope.name}: resource {number}"
        try:
            count = resource.get("copy", {}).get("count", 1)
            repeat(count, scope, lambda: one(resource, scope, found, waits, problems))
        except (Wrong, KeyError, TypeError, AttributeError) as why:
            problems.append(f"{place}: {why if isinstance(why, Wrong) else repr(why)}")
    try:
        outputs = {k: {"value": evaluate(v["value"], scope)} for k, v in template.get("outputs", {}).items()}
    except Wrong as why:
        problems.append(f"{scope.name}: outputs: {why}")
        outputs = {}
    order(scope, waits, problems)
    for section in ("parameters", "variables"):
        names = set(template.get(section, {})) - {"copy"}
        names |= {loop["name"] for loop in template.get(section, {}).get("copy", []) if section == "variables"}
        for name in sorted(names - {used for kind, used in scope.used if kind == section}):
            problems.append(f"{scope.name}: {section}: {name} is not used")
    scope.outputs = outputs
    return found


def one(resource, scope, found, waits, problems):
    """Evaluates a resource; a nested deployment goes on with its own template in its own scope."""
    body = evaluate({k: v for k, v in resource.items() if k not in ("properties", "copy")}, scope)
    place = f"{scope.name}: {body['type']} {body['name']}"
    own = scope.base() + resource_id(body["type"], body["name"].split("/"))
    held, needs = [own], set(body.get("dependsOn", []))
    if body["type"] == "Microsoft.Resources/deployments":
        if resource["properties"].get("expressionEvaluationOptions", {}).get("scope") != "inner":
            raise Wrong("a nested template is to be of the scope 'inner'")
        template = resource["properties"]["template"]
        body["properties"] = evaluate({k: v for k, v in resource["properties"].items() if k != "template"}, scope)
        inner = Scope(place, body.get("resourceGroup", scope.group), body.get("subscriptionId", scope.subscription))
        given = {key: value["value"] for key, value in body["properties"]["parameters"].items()}
        bodies = evaluate_template(template, given, inner, problems)
        found += bodies
        held += [inner.base() + resource_id(each["type"], each["name"].split("/")) for _, each in bodies]
        scope.deployed[body["name"]] = {"outputs": inner.outputs}
        text = str(resource["properties"]["parameters"])
        needs |= {name for name in scope.deployed if name != body["name"] and "reference(" in text}
    else:
        if "properties" in resource:
            body["properties"] = evaluate(resource["properties"], scope)
        found.append((place, body))
    waits.append((place, own, body["name"], held, needs, str(body)))


def order(scope, waits, problems):
    """Whatever names another resource of the template must wait for it, if need be by way of a third one."""
    by_name = {}
    for place, own, name, *_ in waits:
        if own in by_name:
            problems.append(f"{place}: there twice")
        by_name[own] = by_name[name] = own
    needs = {}
    for place, own, _, _, wanted, _ in waits:
        for one in sorted(wanted - set(by_name)):
            problems.append(f"{place}: dependsOn {one}, which is not in the template")
        needs[own] = {by_name[one] for one in wanted if one in by_name}
    for place, own, _, _, _, text in waits:
        reached, ahead = set(), [own]
        while ahead:
            for other in needs[ahead.pop()] - reached:
                reached.add(other)
                ahead.append(other)
        if own in reached:
            problems.append(f"{place}: waits for itself")
        for _, other, _, held, _, _ in waits:
            if other != own and other not in reached and any(f"'{one}'" in text or f"'{one}/" in text for one in held):
                problems.append(f"{place}: names {other} and does not wait for it")
