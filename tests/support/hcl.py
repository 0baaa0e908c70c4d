"""Reads a Terraform module without Terraform: what its resources would be, as far as the files say it.

Expressions are worked out with the defaults of the variables and the inputs that are given. What only an
apply would know, such as another resource's id, stays a `Reference`: `${…}` around the expression.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import hcl2
from lark import Token, Tree

from support.hcl_functions import FUNCTIONS, OPERATORS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Node = Tree[Token] | Token
Scope = Mapping[str, Any]


class Reference(str):
    """What is not known before an apply: `${…}` around the expression that says it."""

    __slots__ = ()


_LITERALS = {"true": True, "false": False, "null": None}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


class _UnknownYet(Exception):
    """An expression depends on what only an apply would know."""


class Module:
    """One folder of *.tf files.

    Args:
        folder: where they are.
        inputs: values of variables; the others have their defaults.
    """

    def __init__(self, folder: Path, inputs: Mapping[str, Any] | None = None) -> None:
        self._folder = folder
        self._inputs = dict(inputs or {})
        self._variables: dict[str, dict[str, Node]] = {}
        self._locals: dict[str, Node] = {}
        self._known: dict[str, Any] = {}
        self._asked: set[str] = set()
        self._resources: dict[tuple[str, str], Tree[Token]] = {}
        for path in sorted(folder.glob("*.tf")):
            for labels, body in _blocks(_parsed(path.read_text("utf-8"))):
                match labels:
                    case ["variable", name]:
                        self._variables[name] = dict(_attributes(body))
                    case ["locals"]:
                        self._locals.update(_attributes(body))
                    case ["resource", type_, name]:
                        self._resources[type_, name] = body
                    case ["data", type_, _]:
                        self._asked.add(type_)

    def resources(self, type_: str = "") -> dict[tuple[str, str], dict[str, Any]]:
        """Return the resources of a type or all of them, by (type, name)."""
        return {
            (of, name): self._body(body) for (of, name), body in self._resources.items() if type_ in {"", of}
        }

    def resource(self, type_: str, name: str) -> dict[str, Any]:
        """Return one resource: attributes by name, nested blocks as lists by type."""
        return self._body(self._resources[type_, name])

    @property
    def inputs(self) -> set[str]:
        """The names of the module's variables."""
        return {*self._variables}

    def default(self, variable: str) -> Any:
        """Return the default of a variable."""
        return self._value(self._variables[variable]["default"], {})

    def asks_for(self, type_: str) -> bool:
        """Tell whether the module has a data source of a type."""
        return type_ in self._asked

    @property
    def locals(self) -> dict[str, Any]:
        """The module's local values by name."""
        return {name: self._local(name) for name in self._locals}

    def _body(self, body: Tree[Token]) -> dict[str, Any]:
        found: dict[str, Any] = {name: self._value(value, {}) for name, value in _attributes(body)}
        for labels, inner in _blocks(body):
            found.setdefault(labels[0], []).append(self._body(inner))
        return found

    def _local(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = self._value(self._locals[name], {})
        return self._known[name]

    def _value(self, node: Node, scope: Scope) -> Any:
        """Return the value of an expression, or a reference to it."""
        try:
            return self._worked_out(node, scope)
        except _UnknownYet:
            return Reference(f"${{{_text(node)}}}")

    def _worked_out(self, node: Node, scope: Scope) -> Any:
        assert isinstance(node, Tree), node
        rule: Callable[[list[Any], Scope], Any] | None = getattr(self, f"_{node.data}", None)
        if rule is None:
            raise _UnknownYet
        kept = [child for child in node.children if getattr(child, "data", "") != "new_line_or_comment"]
        return rule(kept, scope)

    def _known_value(self, node: Node, scope: Scope) -> Any:
        value = self._worked_out(node, scope)
        if isinstance(value, Reference):
            raise _UnknownYet
        return value

    def _expr_term(self, children: list[Node], scope: Scope) -> Any:
        return self._worked_out(next(child for child in children if isinstance(child, Tree)), scope)

    def _literal_value(self, children: list[Token], scope: Scope) -> Any:
        return _LITERALS[children[0]]

    def _int_lit(self, children: list[Token], scope: Scope) -> int:
        return int(children[0])

    def _float_lit(self, children: list[Token], scope: Scope) -> float:
        return float(children[0])

    def _string(self, children: list[Any], scope: Scope) -> str:
        parts = [part.children[0] for part in children if isinstance(part, Tree)]
        if len(parts) == 1 and isinstance(parts[0], Tree):
            return str(self._value(parts[0].children[1], scope))
        return "".join(self._part(part, scope) for part in parts)

    def _part(self, part: Node, scope: Scope) -> str:
        if isinstance(part, Token):
            plain = part.replace("$${", "${").replace("%%{", "%{")
            return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), plain)
        if part.data != "interpolation":
            raise _UnknownYet
        value = self._value(part.children[1], scope)
        return json.dumps(value) if isinstance(value, bool) else str(value)

    def _tuple(self, children: list[Node], scope: Scope) -> list[Any]:
        return [self._value(child, scope) for child in children if isinstance(child, Tree)]

    def _object(self, children: list[Any], scope: Scope) -> dict[str, Any]:
        pairs = [child.children for child in children if getattr(child, "data", "") == "object_elem"]
        return {self._key(pair[0].children[0], scope): self._value(pair[-1], scope) for pair in pairs}

    def _key(self, key: Node, scope: Scope) -> str:
        text = _text(key)
        return text if re.fullmatch(r"[\w-]+", text) else str(self._value(key, scope))

    def _identifier(self, children: list[Token], scope: Scope) -> Any:
        if children[0] not in scope:
            raise _UnknownYet
        return scope[children[0]]

    def _get_attr_expr_term(self, children: list[Any], scope: Scope) -> Any:
        of, name = children[0], _text(children[1].children[1])
        match _text(of):
            case "var" if name in self._inputs:
                return self._inputs[name]
            case "var" if "default" in self._variables.get(name, {}):
                return self.default(name)
            case "path" if name == "module":
                return str(self._folder)
            case "local" if name in self._locals:
                value = self._local(name)
                if isinstance(value, Reference):
                    raise _UnknownYet
                return value
        return self._of(self._known_value(of, scope), name)

    def _index_expr_term(self, children: list[Any], scope: Scope) -> Any:
        index = next(child for child in children[1].children if isinstance(child, Tree))
        return self._of(self._known_value(children[0], scope), self._known_value(index, scope))

    def _of(self, value: Any, key: Any) -> Any:
        try:
            return value[key]
        except (KeyError, IndexError, TypeError) as error:
            raise _UnknownYet from error

    def _function_call(self, children: list[Any], scope: Scope) -> Any:
        function = FUNCTIONS.get(_text(children[0]))
        arguments = next((child for child in children if getattr(child, "data", "") == "arguments"), None)
        if function is None or arguments is None or any(token == "..." for token in arguments.children):
            raise _UnknownYet
        return function(
            *(
                self._known_value(child, scope)
                for child in arguments.children
                if isinstance(child, Tree) and child.data != "new_line_or_comment"
            )
        )

    def _conditional(self, children: list[Node], scope: Scope) -> Any:
        condition, yes, no = (child for child in children if isinstance(child, Tree))
        return self._value(yes if self._known_value(condition, scope) else no, scope)

    def _binary_op(self, children: list[Any], scope: Scope) -> Any:
        left, term = (
            children[0],
            [child for child in children[1].children if child.data != "new_line_or_comment"],
        )
        apply = OPERATORS[_text(term[0])]
        return apply(self._known_value(left, scope), self._known_value(term[1], scope))

    def _unary_op(self, children: list[Node], scope: Scope) -> Any:
        value = self._known_value(children[1], scope)
        return not value if children[0] == "!" else -value

    def _for_tuple_expr(self, children: list[Any], scope: Scope) -> list[Any]:
        intro, value = (child for child in children if isinstance(child, Tree) and child.data != "for_cond")
        return [self._value(value, inner) for inner in self._each(intro, children, scope)]

    def _for_object_expr(self, children: list[Any], scope: Scope) -> dict[str, Any]:
        intro, key, value = (
            child for child in children if isinstance(child, Tree) and child.data != "for_cond"
        )
        return {
            str(self._known_value(key, inner)): self._value(value, inner)
            for inner in self._each(intro, children, scope)
        }

    def _each(self, intro: Tree[Token], children: list[Any], scope: Scope) -> Iterator[Scope]:
        parts = [
            child
            for child in intro.children
            if isinstance(child, Tree) and child.data != "new_line_or_comment"
        ]
        names, values = [_text(part) for part in parts[:-1]], self._known_value(parts[-1], scope)
        condition = next(
            (child.children[-1] for child in children if getattr(child, "data", "") == "for_cond"), None
        )
        pairs = values.items() if isinstance(values, dict) else enumerate(values)
        for pair in pairs:
            inner = {**scope, **dict(zip(names, pair if len(names) > 1 else pair[1:], strict=True))}
            if condition is None or self._known_value(condition, inner):
                yield inner


@lru_cache
def _parsed(text: str) -> Tree[Token]:
    body = hcl2.parses_to_tree(text).children[0]
    assert isinstance(body, Tree)
    return body


def _attributes(body: Tree[Token]) -> Iterator[tuple[str, Node]]:
    for child in body.children:
        if isinstance(child, Tree) and child.data == "attribute":
            yield _text(child.children[0]), child.children[-1]


def _blocks(body: Tree[Token]) -> Iterator[tuple[list[str], Tree[Token]]]:
    for child in body.children:
        if isinstance(child, Tree) and child.data == "block":
            *labels, inner = (part for part in child.children if isinstance(part, Tree))
            yield [_text(label).strip('"') for label in labels if label.data != "new_line_or_comment"], inner


def _text(node: Node) -> str:
    """Return an expression as it is written, without its spaces."""
    return str(node) if isinstance(node, Token) else "".join(_text(child) for child in node.children)
