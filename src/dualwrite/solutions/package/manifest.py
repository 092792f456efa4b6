"""solution.xml: what a solution is called, whose it is, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping

from dualwrite.errors import SolutionRefused
from dualwrite.solutions.package.container import MANIFEST
from dualwrite.solutions.package.elements import Element, read_xml, write_xml
from dualwrite.solutions.package.values import Manifest, Publisher, read_version

ENTITY_MAP = "msdyn_dualwriteentitymap"
_TRUE, _FALSE = "1", "0"
_ROOT = {
    "version": "9.2.0.0",
    "SolutionPackageVersion": "9.2",
    "languagecode": "1033",
    "generatedBy": "dualwrite",
    "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
}


def read_manifest(root: Element, *, file: str) -> Manifest:
    """What solution.xml says. Raises: SolutionRefused, naming element and line."""
    manifest = _child(root, "SolutionManifest", file=file)
    unique_name = manifest.text_of("UniqueName")
    if not unique_name:
        raise _refused(file, manifest, "UniqueName is missing or empty")
    version = read_version(manifest.text_of("Version"))
    if version is None:
        raise _refused(file, manifest, f"Version is {manifest.text_of('Version')!r}, not four numbers such as 1.0.0.0")
    publisher = _child(manifest, "Publisher", file=file)
    return Manifest(
        unique_name=unique_name,
        display_name=_localized(manifest, "LocalizedNames") or unique_name,
        version=version,
        publisher=Publisher(
            unique_name=publisher.text_of("UniqueName") or "unknown",
            display_name=_localized(publisher, "LocalizedNames") or publisher.text_of("UniqueName"),
            prefix=publisher.text_of("CustomizationPrefix"),
            option_prefix=publisher.text_of("CustomizationOptionValuePrefix"),
        ),
        managed=manifest.text_of("Managed").casefold() in (_TRUE, "true"),
        description=_localized(manifest, "Descriptions"),
        requires=_required(manifest),
        xml=write_xml(root).decode("utf-8-sig"),
    )


def build_manifest(manifest: Manifest) -> Element:
    """solution.xml of ``manifest``; :func:`read_manifest` gives the equal value back.

    It starts from the text that was read, so that what we do not use stays.
    """
    root = read_xml(manifest.xml.encode(), file="", member=MANIFEST) if manifest.xml else _fresh(manifest)
    content = next(root.every("SolutionManifest"))
    content.put("UniqueName", manifest.unique_name)
    content.put("Version", str(manifest.version))
    content.put("Managed", _TRUE if manifest.managed else _FALSE)
    return root


def _fresh(manifest: Manifest) -> Element:
    root = Element("ImportExportXml", dict(_ROOT))
    content = root.add("SolutionManifest")
    content.add("UniqueName")
    _add_localized(content, "LocalizedNames", "LocalizedName", manifest.display_name)
    _add_localized(content, "Descriptions", "Description", manifest.description)
    content.add("Version")
    content.add("Managed")
    _add_publisher(content, manifest.publisher)
    content.add("RootComponents").add("RootComponent", type="1", schemaName=ENTITY_MAP, behavior="1")
    dependencies = content.add("MissingDependencies")
    for name, version in manifest.requires.items():
        dependency = dependencies.add("MissingDependency")
        dependency.add("Required", type="1", schemaName=ENTITY_MAP, solution=f"{name} ({version})")
        dependency.add("Dependent", type="1", schemaName=ENTITY_MAP)
    return root


def _child(parent: Element, tag: str, *, file: str) -> Element:
    found = parent.child(tag)
    if found is None:
        raise _refused(file, parent, f"it has no {tag}")
    return found


def _refused(file: str, element: Element, reason: str) -> SolutionRefused:
    return SolutionRefused(
        f"{file}: {MANIFEST}, line {element.line}, {element.tag}: {reason}.",
        file=file,
        member=MANIFEST,
        element=element.tag,
        line=element.line,
    )


def _localized(parent: Element, tag: str) -> str:
    names = parent.child(tag)
    return next((each.attributes.get("description", "") for each in names.children), "") if names is not None else ""


def _add_localized(parent: Element, group: str, tag: str, text: str) -> None:
    names = parent.add(group)
    if text:
        names.add(tag, description=text, languagecode=_ROOT["languagecode"])


def _add_publisher(content: Element, publisher: Publisher) -> None:
    element = content.add("Publisher")
    element.add("UniqueName", publisher.unique_name)
    _add_localized(element, "LocalizedNames", "LocalizedName", publisher.display_name)
    element.add("Descriptions")
    element.add("CustomizationPrefix", publisher.prefix)
    element.add("CustomizationOptionValuePrefix", publisher.option_prefix)
    element.add("Addresses")


def _required(manifest: Element) -> Mapping[str, str]:
    """The solutions, with their minimum versions, that hold what is missing: ``solution="Name (1.2.3.4)"``."""
    required: dict[str, str] = {}
    for element in manifest.descendants("Required"):
        name, _, version = element.attributes.get("solution", "").partition("(")
        found = read_version(version.rstrip(") "))
        if name.strip() and name.strip().casefold() not in ("active", "system", "basic"):
            before = read_version(required.get(name.strip(), "0"))
            required[name.strip()] = str(max(filter(None, (before, found)), default="0.0.0.0"))
    return required
