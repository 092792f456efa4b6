"""CSDL v4: an entity model as the ``$metadata`` document that both services publish."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr


@dataclass(frozen=True, slots=True)
class Property:
    """``type`` is an EDM name: ``Edm.String``, ``Microsoft.Dynamics.DataEntities.NoYes``."""

    name: str
    type: str
    nullable: bool = True
    max_length: int | None = None
    precision: int | None = None
    scale: int | str | None = None


@dataclass(frozen=True, slots=True)
class Navigation:
    """``constraints`` pair a property of this type with one of the target."""

    name: str
    type: str
    nullable: bool = True
    partner: str | None = None
    constraints: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class EntityType:
    name: str
    key: tuple[str, ...]
    properties: tuple[Property, ...]
    navigations: tuple[Navigation, ...] = ()


@dataclass(frozen=True, slots=True)
class EnumType:
    name: str
    members: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ComplexType:
    name: str
    properties: tuple[Property, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """An unbound function or action; ``returns`` an EDM name, None for nothing."""

    name: str
    is_function: bool
    parameters: tuple[Property, ...] = ()
    returns: str | None = None


@dataclass(frozen=True, slots=True)
class EntitySet:
    """``bindings`` pair a navigation of the set's type with the set it leads to."""

    name: str
    type: str
    bindings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """One schema with its container."""

    namespace: str
    container: str
    entity_types: Sequence[EntityType]
    entity_sets: Sequence[EntitySet]
    enum_types: Sequence[EnumType] = ()
    complex_types: Sequence[ComplexType] = ()
    operations: Sequence[Operation] = ()
    alias: str | None = None


def write_csdl(model: Model) -> bytes:
    """The ``$metadata`` document of ``model``, UTF-8."""
    return "".join(_document(model)).encode()


def _document(model: Model) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="utf-8"?>\n'
    yield '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
    names = _attributes(Namespace=model.namespace, Alias=model.alias)
    yield f'<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm"{names}>'
    for enum_type in model.enum_types:
        yield from _enum_type(enum_type)
    for entity_type in model.entity_types:
        yield from _entity_type(entity_type)
    for complex_type in model.complex_types:
        yield f"<ComplexType{_attributes(Name=complex_type.name)}>"
        yield from map(_property, complex_type.properties)
        yield "</ComplexType>"
    for operation in model.operations:
        yield from _operation(operation)
    yield from _container(model)
    yield "</Schema></edmx:DataServices></edmx:Edmx>\n"


def _attributes(**values: str | int | bool | None) -> str:
    """XML attributes in the order given, without those that are None."""
    spelled = {
        name: ("true" if value else "false") if isinstance(value, bool) else str(value)
        for name, value in values.items()
        if value is not None
    }
    return "".join(f" {name}={quoteattr(value)}" for name, value in spelled.items())


def _enum_type(enum_type: EnumType) -> Iterator[str]:
    yield f"<EnumType{_attributes(Name=enum_type.name)}>"
    for name, number in enum_type.members:
        yield f"<Member{_attributes(Name=name, Value=number)}/>"
    yield "</EnumType>"


def _entity_type(entity_type: EntityType) -> Iterator[str]:
    yield f"<EntityType{_attributes(Name=entity_type.name)}><Key>"
    for name in entity_type.key:
        yield f"<PropertyRef{_attributes(Name=name)}/>"
    yield "</Key>"
    yield from map(_property, entity_type.properties)
    for navigation in entity_type.navigations:
        head = _attributes(
            Name=navigation.name, Type=navigation.type, Nullable=navigation.nullable, Partner=navigation.partner
        )
        yield f"<NavigationProperty{head}>"
        for own, referenced in navigation.constraints:
            yield f"<ReferentialConstraint{_attributes(Property=own, ReferencedProperty=referenced)}/>"
        yield "</NavigationProperty>"
    yield "</EntityType>"


def _property(item: Property, *, element: str = "Property") -> str:
    facets = _attributes(
        Name=item.name,
        Type=item.type,
        Nullable=None if item.nullable else False,
        MaxLength=item.max_length,
        Precision=item.precision,
        Scale=item.scale,
    )
    return f"<{element}{facets}/>"


def _operation(operation: Operation) -> Iterator[str]:
    element = "Function" if operation.is_function else "Action"
    yield f"<{element}{_attributes(Name=operation.name)}>"
    for parameter in operation.parameters:
        yield _property(parameter, element="Parameter")
    if operation.returns is not None:
        yield f"<ReturnType{_attributes(Type=operation.returns, Nullable=False)}/>"
    yield f"</{element}>"


def _container(model: Model) -> Iterator[str]:
    yield f"<EntityContainer{_attributes(Name=model.container)}>"
    for entity_set in model.entity_sets:
        yield f"<EntitySet{_attributes(Name=entity_set.name, EntityType=f'{model.namespace}.{entity_set.type}')}>"
        for navigation, target in entity_set.bindings:
            yield f"<NavigationPropertyBinding{_attributes(Path=navigation, Target=target)}/>"
        yield "</EntitySet>"
    for operation in model.operations:
        name = f"{model.namespace}.{operation.name}"
        if operation.is_function:
            yield f"<FunctionImport{_attributes(Name=operation.name, Function=name)}/>"
        else:
            yield f"<ActionImport{_attributes(Name=operation.name, Action=name)}/>"
    yield "</EntityContainer>"
