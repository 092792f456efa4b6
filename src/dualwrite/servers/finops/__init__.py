"""The finance and operations environment's public API: OData at ``/data``, its metadata at ``/metadata``."""
