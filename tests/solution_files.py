"""Solution files built as published ones look, oddities included, without any of our own code for writing them."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from xml.sax.saxutils import escape

BOM = b"\xef\xbb\xbf"

YES_NO = {"no": "False", "yes": "True"}


def column(
    source: str, destination: str, direction: int | str = 3, transforms: object = None, **more: object
) -> dict[str, object]:
    """A field mapping; ``transforms`` of None leaves them out altogether."""
    written: dict[str, object] = {
        "syncDirection": direction,
        "sourceField": source,
        "destinationField": destination,
        "destinationLookupFieldRelatedEntity": None,
        "isSystemGenerated": False,
        **more,
    }
    if transforms is not None:
        written["valueTransforms"] = transforms
    return written


def value_map(pairs: Mapping[str, str], **more: object) -> dict[str, object]:
    return {
        "$type": "Integration.ValueMapTransform, Integration",
        "transformType": "ValueMap",
        "valueMap": dict(pairs),
        "createValuesOnDestination": False,
        **more,
    }


def default(value: str) -> dict[str, object]:
    return {"transformType": "Default", "defaultValue": value}


def mapping(
    label: str, entity_set: str, columns: Sequence[object], *, filters: tuple[str, str] = ("", ""), **leg: object
) -> dict[str, object]:
    """The JSON of ``msdyn_mapping``, with properties that nobody uses."""
    return {
        "name": f"{entity_set} - {label}",
        "order": 0,
        "leftEnvironmentType": "AX",
        "centerEnvironmentType": "CRM",
        "rightEnvironmentType": "UNDEFINED",
        "connectionSetName": None,
        "leftPartitionName": "*",
        "legs": [
            {
                "id": "001",
                "sourceSchema": label,
                "sourceEnvironmentType": "AX",
                "sourceFilter": filters[0],
                "destinationSchema": entity_set,
                "destinationEnvironmentType": "CRM",
                "reversedSourceFilter": filters[1],
                "fieldMappings": list(columns),
                "entityFileFormat": None,
                "deleteNonMatchingData": False,
                "sourceMQuery": None,
                "mashup": {"steps": [1, 2.5, None]},
                "isSourceFilterEditable": True,
                **leg,
            }
        ],
    }


PROPERTIES = {
    "TargetTypeList": ["AX", "CRM"],
    "Description": "Dual Write template for sync between FO.Customers V3--CDS.accounts. Requires new package [Party]",
    "IsDualWriteProject": True,
    "SkipInitialSync": False,
    "TargetVersionInfo": {"CRM": {"Party": "2.2.2.25"}, "AX": {"Application": "10.0.420.10002"}},
}
FREE = {name: value for name, value in PROPERTIES.items() if name != "TargetVersionInfo"}
"""Properties that ask for no other solution."""


@dataclass
class MapElement:
    """One ``msdyn_dualwriteentitymap``. ``mapping`` and ``properties`` are JSON, or text as it is to stand there."""

    name: str
    version: str
    mapping: object
    properties: object = field(default_factory=lambda: dict(PROPERTIES))
    id: str = "0f9d4d0e-5c2e-4a94-8f5e-64d1a5f0c001"
    display_name: str = ""

    def xml(self) -> str:
        children = {
            "iscustomizable": "1",
            "msdyn_displayname": self.display_name or self.name,
            "msdyn_mapping": _text(self.mapping),
            "msdyn_name": self.name,
            "msdyn_properties": _text(self.properties),
            "msdyn_version": self.version,
            "statecode": "0",
            "statuscode": "1",
        }
        inner = "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in children.items())
        return f'<msdyn_dualwriteentitymap msdyn_dualwriteentitymapid="{self.id}">{inner}</msdyn_dualwriteentitymap>'


def customizations(maps: Sequence[MapElement], *, extra: str = "") -> bytes:
    body = "\r\n".join(each.xml() for each in maps)
    return (
        BOM
        + (
            '<?xml version="1.0" encoding="utf-8"?>\r\n'
            '<ImportExportXml xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\r\n'
            "<Entities /><Roles /><Workflows /><FieldSecurityProfiles /><Templates /><EntityMaps />"
            "<EntityRelationships /><OrganizationSettings /><optionsets /><CustomControls /><EntityDataProviders />\r\n"
            f"<msdyn_dualwriteentitymaps>\r\n{body}\r\n</msdyn_dualwriteentitymaps>{extra}\r\n"
            "<Languages><Language>1033</Language></Languages></ImportExportXml>"
        ).encode()
    )


def solution_xml(
    name: str = "ContosoMaps",
    *,
    version: str = "1.2.0.3",
    managed: bool = False,
    publisher: str = "contoso",
    missing: str = "",
) -> bytes:
    return (
        BOM
        + (
            '<?xml version="1.0" encoding="utf-8"?>\r\n'
            '<ImportExportXml version="9.1.0.22913" SolutionPackageVersion="9.1" languagecode="1033" '
            'generatedBy="CrmLive" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\r\n'
            f"<SolutionManifest><UniqueName>{name}</UniqueName>"
            f'<LocalizedNames><LocalizedName description="{name} of Contoso" languagecode="1033" /></LocalizedNames>'
            '<Descriptions><Description description="Maps &amp; more" languagecode="1033" /></Descriptions>'
            f"<Version>{version}</Version><Managed>{int(managed)}</Managed>"
            f"<Publisher><UniqueName>{publisher}</UniqueName>"
            '<LocalizedNames><LocalizedName description="Contoso Ltd" languagecode="1033" /></LocalizedNames>'
            '<Descriptions /><EMailAddress xsi:nil="true"></EMailAddress>'
            "<CustomizationPrefix>con</CustomizationPrefix>"
            "<CustomizationOptionValuePrefix>19235</CustomizationOptionValuePrefix>"
            "<Addresses><Address><AddressNumber>1</AddressNumber></Address></Addresses></Publisher>"
            '<RootComponents><RootComponent type="1" schemaName="msdyn_dualwriteentitymap" behavior="1" />'
            '<RootComponent type="29" id="{0f9d4d0e-0000-0000-0000-00000000000a}" behavior="0" /></RootComponents>'
            f"<MissingDependencies>{missing}</MissingDependencies></SolutionManifest></ImportExportXml>"
        ).encode()
    )


def zipped(members: Mapping[str, bytes]) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def solution(maps: Sequence[MapElement], *, manifest: bytes | None = None, extra: str = "") -> bytes:
    return zipped(
        {
            "[Content_Types].xml": BOM + b"<Types />",
            "solution.xml": manifest if manifest is not None else solution_xml(),
            "customizations.xml": customizations(maps, extra=extra),
        }
    )


def cabinet(files: Mapping[str, bytes], *, compression: int = 1, reserve: bool = False) -> bytes:
    """A Microsoft cabinet with one folder: stored (0) or MSZIP (1), in blocks of 32 KB that know their predecessor."""
    content = b"".join(files.values())
    blocks = [content[at : at + 32768] for at in range(0, len(content), 32768)]
    data, before = [], b""
    for block in blocks:
        packed = block
        if compression == 1:
            deflate = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=before) if before else zlib.compressobj(9, 8, -15)
            packed = b"CK" + deflate.compress(block) + deflate.flush()
        before = (before + block)[-32768:]
        data.append(struct.pack("<IHH", 0, len(packed), len(block)) + (b"\0\0" if reserve else b"") + packed)
    extras = struct.pack("<HBB", 4, 0, 2) + b"sign" if reserve else b""
    files_at = 36 + len(extras) + 8
    entries, offset = b"", 0
    for name, each in files.items():
        entries += struct.pack("<IIHHHH", len(each), offset, 0, 0, 0, 0x20) + name.encode() + b"\0"
        offset += len(each)
    blocks_at = files_at + len(entries)
    size = blocks_at + sum(map(len, data))
    header = struct.pack(
        "<4sIIIIIBBHHHHH", b"MSCF", 0, size, 0, files_at, 0, 3, 1, 1, len(files), 4 if reserve else 0, 7, 0
    )
    return header + extras + struct.pack("<IHH", blocks_at, len(data), compression) + entries + b"".join(data)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


# --- maps as the party solution publishes them ----------------------------------------------------------------------

CUSTOMERS = mapping(
    "Customers V3",
    "accounts",
    [
        column("CUSTOMERACCOUNT", "accountnumber"),
        column("ORGANIZATIONNAME", "name", "1"),
        column(
            "SALESCURRENCYCODE",
            "transactioncurrencyid.isocurrencycode",
            "3",
            [],
            destinationLookupFieldRelatedEntity="transactioncurrencies",
        ),
        column("ISONETIMECUSTOMER", "msdyn_isonetimecustomer", 3, [value_map(YES_NO)], isSystemGenerated=True),
        column("", "customertypecode", 1, [default("3")]),
        column("LANGUAGEID", "", 2, [default("en-us")]),
    ],
    filters=('(AccountType == AccountType::Customer) && (ACCOUNT != "A*")', "customertypecode eq 3"),
)
ORDERS = mapping(
    "CDS sales order headers",
    "salesorders",
    [
        column("SALESORDERNUMBER", "msdyn_salesordernumber", "3"),
        column(
            "ORDERINGCUSTOMERACCOUNTNUMBER",
            "customerid.Account(accountnumber).Contact(msdyn_contactpersonid)",
            3,
            destinationLookupFieldRelatedEntity="Customer",
        ),
        column("ISINVOICEADDRESSPRIVATE", "msdyn_isinvoiceaddressprivate", 1, [value_map(YES_NO)]),
        column("", "msdyn_ordertype", 1, [default("192350000")]),
    ],
    filters=("", "msdyn_ordertype eq 192350000"),
)


def malformed(properties: Mapping[str, object] = PROPERTIES) -> str:
    """Properties as some files have them: the closing brace is missing."""
    return json.dumps({**properties, "Description": "half"})[:-1]


def published_maps(properties: Mapping[str, object] = PROPERTIES) -> list[MapElement]:
    """Several versions of one map, a parked one, JSON inside JSON, malformed properties."""
    return [
        MapElement(
            "msdyn_[accounts - Customers V3]", "1.0.0.4", CUSTOMERS, properties, "0f9d4d0e-0000-0000-0000-000000000001"
        ),
        MapElement(
            "msdyn_[accounts - Customers V3]",
            "1.0.0.5",
            json.dumps(json.dumps(CUSTOMERS)),
            malformed(properties),
            id="0f9d4d0e-0000-0000-0000-000000000002",
        ),
        MapElement(
            "msdyn_[accounts - Customers V3]", "9.9.9.9", CUSTOMERS, properties, "0f9d4d0e-0000-0000-0000-000000000003"
        ),
        MapElement("msdyn_[salesorders - CDS sales order headers]", "1.0.0.5", ORDERS, ""),
    ]


def runtime_configuration(source: str, destination: str, version: Sequence[int]) -> str:
    """The row that tells which version of a map runs."""
    content = {
        "SourceEntityName": source,
        "DestinationEntityName": destination,
        "EntityMapVersion": dict(zip(("Major", "Minor", "Build", "Revision"), version, strict=True)),
    }
    inner = f"<msdyn_unsecure>{escape(json.dumps(content))}</msdyn_unsecure>"
    row = f"<msdyn_dualwriteruntimeconfig>{inner}</msdyn_dualwriteruntimeconfig>"
    return f"<msdyn_dualwriteruntimeconfigs>{row}</msdyn_dualwriteruntimeconfigs>"
