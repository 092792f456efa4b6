"""The published file format of solutions: a zip, now and then inside a cabinet, with two XML files that matter.

``container`` unpacks and packs, ``elements`` is the XML, ``manifest`` reads solution.xml, ``entity_maps``
customizations.xml, ``mapping`` and ``properties`` the two JSON texts of every map version in there. ``file`` puts
them together; everything here is values in, values out, with no store behind it.
"""
