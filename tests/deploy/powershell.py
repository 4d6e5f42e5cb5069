"""Reads PowerShell from stdin by tree-sitter's grammar and says what is in it, a line each:

error LINE TEXT           what is no PowerShell
newer LINE TOKEN          an operator that Windows PowerShell 5.1 does not have
function LINE NAME        a function that is defined
command LINE NAME GUARD ERROR   a command that is run; GUARD is "guarded" inside an `if ($PSCmdlet.ShouldProcess(...))`,
                          else "open"; ERROR is "stops" with `-ErrorAction Stop`, else "goes-on"
"""

import sys

import tree_sitter
import tree_sitter_powershell

NEWER = {"&&", "||", "??", "??=", "?.", "?["}
source = sys.stdin.buffer.read()
parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))


def text(node):
    return source[node.start_byte : node.end_byte].decode("utf-8", "replace")


def condition(node):
    """The words of an `if` before its block."""
    block = next((child for child in node.children if child.type == "statement_block"), None)
    return source[node.start_byte : block.start_byte if block else node.end_byte].decode("utf-8", "replace")


def walk(node, guarded):
    line = node.start_point.row + 1
    if node.type == "ERROR" or node.is_missing:
        print("error", line, " ".join(text(node).split())[:80] or f"{node.type} is missing")
    elif not node.children and node.type in NEWER:
        print("newer", line, node.type)
    elif node.type in ("command", "function_statement"):
        kind = "command" if node.type == "command" else "function"
        name = next((text(child) for child in node.children if child.type.endswith("_name")), "?")
        stops = "-ErrorAction Stop" in " ".join(text(node).split())
        how = ["guarded" if guarded else "open", "stops" if stops else "goes-on"]
        print(kind, line, name, *(how if kind == "command" else []))
    is_guard = node.type == "if_statement" and condition(node).replace(" ", "").startswith("if($PSCmdlet.ShouldProcess(")
    for child in node.children:
        walk(child, guarded or (is_guard and child.type == "statement_block"))


walk(parser.parse(source).root_node, False)
