# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Check the limits of the house style that ruff has no rule for: python tools/check_style.py src

In: folders. Out: one line per finding and exit status 1, or nothing. A function has at most 60 lines of code
(docstring, comments and blank lines not counted; 90 where it lists every input of the model) and three levels of
nesting, a module 400 lines (900 the modelling file). No `assert`, no broad `except`; no `hasattr` and no `getattr`
with a fallback in files that travel with a checkpoint.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path


MAX_FUNCTION_LINES = 60
MAX_ENTRY_POINT_LINES = 90
MAX_NESTING = 3
MAX_MODULE_LINES = 400
MAX_MODELING_LINES = 900
BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def code_lines(function: ast.FunctionDef) -> int:
    """Count the lines that hold code, without the docstring."""
    lines: set[int] = set(range(function.lineno, function.body[0].lineno))
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    for node in (child for statement in body for child in ast.walk(statement)):
        if isinstance(node, ast.expr | ast.stmt) and not isinstance(node, (*BLOCKS, *FUNCTIONS)):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        elif isinstance(node, ast.stmt):
            lines.add(node.lineno)
    return len(lines)


def nesting(node: ast.AST, depth: int = 0) -> int:
    """Return the deepest nesting of blocks below a node; `elif` does not count as a level."""
    deepest = depth
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (*FUNCTIONS, ast.Lambda, ast.ClassDef)):
            continue
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and child in node.orelse
        deepest = max(deepest, nesting(child, depth + (isinstance(child, BLOCKS) and not is_elif)))
    return deepest


def function_findings(function: ast.FunctionDef) -> Iterator[str]:
    size, deep = code_lines(function), nesting(function)
    limit = MAX_ENTRY_POINT_LINES if function.name in ("forward", "__call__") else MAX_FUNCTION_LINES
    if size > limit:
        yield f"{function.lineno}: {function.name} has {size} code lines (limit {limit})"
    if deep > MAX_NESTING:
        yield f"{function.lineno}: {function.name} nests {deep} deep (limit {MAX_NESTING})"


def probes_attributes(node: ast.AST) -> bool:
    """Whether a node is `hasattr(...)`, or `getattr` with a fallback."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return False
    return node.func.id == "hasattr" or (node.func.id == "getattr" and len(node.args) == 3)


def statement_findings(node: ast.AST, travels: bool) -> Iterator[str]:
    if isinstance(node, ast.Assert):
        yield f"{node.lineno}: assert; raise an error that names the argument instead"
    if isinstance(node, ast.ExceptHandler):
        caught = node.type.id if isinstance(node.type, ast.Name) else None
        if node.type is None or caught in ("Exception", "BaseException"):
            yield f"{node.lineno}: broad except; name the error"
    if travels and probes_attributes(node):
        yield f"{node.lineno}: probes for an attribute; a missing thing is an error that names it"


def module_findings(path: Path) -> Iterator[str]:
    source = path.read_text(encoding="utf-8")
    lines = len(source.splitlines())
    limit = MAX_MODELING_LINES if path.name.startswith("modeling_") else MAX_MODULE_LINES
    if lines > limit:
        yield f"1: {lines} lines (limit {limit})"
    for node in ast.walk(ast.parse(source)):
        yield from statement_findings(node, travels=path.stem.endswith("_sr3d"))
        if isinstance(node, ast.FunctionDef):
            yield from function_findings(node)


def main() -> None:
    modules = [path for folder in sys.argv[1:] for path in sorted(Path(folder).rglob("*.py"))]
    findings = [f"{path}:{finding}" for path in modules for finding in module_findings(path)]
    sys.exit("\n".join(findings) or None)


if __name__ == "__main__":
    main()
