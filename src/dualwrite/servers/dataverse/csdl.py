"""The ``$metadata`` document: the service's tables as CSDL 4.0."""

from __future__ import annotations

from collections.abc import Iterator

from dualwrite.metadata.schema import ColumnType
from dualwrite.servers.dataverse.model import NAMESPACE, EntityModel, Property, ServiceModel
from dualwrite.servers.odata import edm

ALIAS = "mscrm"
PRINCIPAL = "principal"
"""What owns a row: a system user or a team. It has no set of its own."""


def metadata_document(model: ServiceModel) -> bytes:
    """The whole document, UTF-8."""
    entities = list(model.by_set.values())
    return edm.write_csdl(
        edm.Model(
            namespace=NAMESPACE,
            alias=ALIAS,
            container="System",
            entity_types=[_principal(), *(_entity_type(entity, model) for entity in entities)],
            entity_sets=[_entity_set(entity, model) for entity in entities],
            complex_types=_RESPONSES,
            operations=_FUNCTIONS,
        )
    )


_RESPONSES = (
    edm.ComplexType(
        "WhoAmIResponse",
        tuple(
            edm.Property(name, "Edm.Guid", nullable=False) for name in ("BusinessUnitId", "UserId", "OrganizationId")
        ),
    ),
    edm.ComplexType("RetrieveVersionResponse", (edm.Property("Version", "Edm.String"),)),
)
_FUNCTIONS = (
    edm.Operation("WhoAmI", is_function=True, returns=f"{NAMESPACE}.WhoAmIResponse"),
    edm.Operation("RetrieveVersion", is_function=True, returns=f"{NAMESPACE}.RetrieveVersionResponse"),
)


def _principal() -> edm.EntityType:
    return edm.EntityType(PRINCIPAL, ("ownerid",), (edm.Property("ownerid", "Edm.Guid", nullable=False),))


def _entity_type(entity: EntityModel, model: ServiceModel) -> edm.EntityType:
    key = entity.id_column.name
    lookups = (
        edm.Navigation(
            name,
            f"{NAMESPACE}.{target}",
            constraints=((prop.name, "ownerid" if target == PRINCIPAL else model.entity(target).id_column.name),),
        )
        for name, target, prop in _lookups(entity, model)
    )
    collections = (
        edm.Navigation(collection.name, f"Collection({NAMESPACE}.{collection.referencing})")
        for collection in entity.collections.values()
    )
    return edm.EntityType(
        name=entity.table.name,
        key=(key,),
        properties=tuple(_property(prop, is_key=prop.name == key) for prop in entity.properties.values()),
        navigations=(*lookups, *collections),
    )


def _property(prop: Property, *, is_key: bool) -> edm.Property:
    column = prop.column
    is_number = column.type in (ColumnType.DECIMAL, ColumnType.MONEY)
    return edm.Property(
        prop.name,
        prop.edm_type,
        nullable=not is_key,
        max_length=column.length if column.type is ColumnType.STRING else None,
        scale=("variable" if column.scale is None else column.scale) if is_number else None,
    )


def _lookups(entity: EntityModel, model: ServiceModel) -> Iterator[tuple[str, str, Property]]:
    """Navigation name, target type and value property of every lookup whose target is served."""
    for navigation in entity.navigations.values():
        prop = entity.by_column[navigation.column.name]
        if len(navigation.targets) > 1:
            yield navigation.name, PRINCIPAL, prop
        elif navigation.targets[0] in model.by_table:
            yield navigation.name, navigation.targets[0], prop


def _entity_set(entity: EntityModel, model: ServiceModel) -> edm.EntitySet:
    lookups = (
        (name, model.entity(target).set_name) for name, target, _ in _lookups(entity, model) if target != PRINCIPAL
    )
    collections = (
        (collection.name, model.entity(collection.referencing).set_name) for collection in entity.collections.values()
    )
    return edm.EntitySet(entity.set_name, entity.table.name, (*lookups, *collections))
