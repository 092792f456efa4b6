"""Data-management packages: a zip of Manifest.xml, PackageHeader.xml and one file for each entity.

Source: the public documentation of the data management framework, and packages that are published with tools for it.
"""
