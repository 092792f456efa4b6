"""A solution file as a package, and a package as a solution file."""

from __future__ import annotations

from collections.abc import Iterable

from dualwrite.solutions.package.container import CONTENT_TYPES, CUSTOMIZATIONS, MANIFEST, pack, unpack
from dualwrite.solutions.package.elements import Element, read_xml, write_xml
from dualwrite.solutions.package.entity_maps import build_entity_maps, read_entity_maps
from dualwrite.solutions.package.manifest import build_manifest, read_manifest
from dualwrite.solutions.package.values import Manifest, Naming, Package, PublishedVersion


def read_package(data: bytes, *, file: str, naming: Naming) -> Package:
    """What the solution file ``data`` holds. A damaged map is told among the problems and does not stop the others.

    Raises: SolutionRefused, for a file that is no solution; it names file, member, element and line.
    """
    members = unpack(data, file=file)
    manifest = read_manifest(read_xml(members[MANIFEST], file=file, member=MANIFEST), file=file)
    customizations = read_xml(members[CUSTOMIZATIONS], file=file, member=CUSTOMIZATIONS)
    return read_entity_maps(customizations, manifest, file=file, naming=naming)


def write_package(manifest: Manifest, versions: Iterable[PublishedVersion], *, naming: Naming) -> bytes:
    """The solution file of these versions; the same content gives the same bytes.

    What the published format cannot say (keys, notes, names) stands under ``dualwrite`` in the maps' properties.
    """
    types = Element("Types", {"xmlns": "http://schemas.openxmlformats.org/package/2006/content-types"})
    types.add("Default", Extension="xml", ContentType="application/octet-stream")
    customizations = build_entity_maps(versions, manifest, naming)
    return pack(
        {
            CONTENT_TYPES: write_xml(types),
            MANIFEST: write_xml(build_manifest(manifest)),
            CUSTOMIZATIONS: write_xml(customizations),
        }
    )
