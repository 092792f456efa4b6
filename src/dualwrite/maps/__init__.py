"""Table maps: what a map says, whether it can run, and running it on rows. Pure.

A map version is a value (``values``), read from and written to YAML (``text``). Compiled against the tables of both
environments it becomes a plan or findings; a plan runs on one row or on a whole frame. In the order of reading::

    values ── text             what a map says, and its YAML
       │
    resolve ── lookup_path     the columns that its lines name
       │
    lines ──── conversion      what fills each column: a converter, or a constant
       │          ├─ transforms    value maps, defaults, truncation, time zones around ...
       │          └─ convert       ... the plain conversion of types (members, literals, end)
    checks, keys, selection    what must hold of the whole: duplicates, mandatory columns, the key, the filters
       │          └─ findings      what does not hold: a code, a place in the map, what to do
    compile ── columns ── plan what is left to do for a row
       │
    execute    columnar        the plan on one row, and on a frame; they say the same
    equality                   whether two halves of a record agree under the plan

Besides: ``edit`` and ``diff`` (from one version to the next), ``offers`` (columns that could be mapped), ``stamp``
(version and publisher in a map's file).

*To add a kind of transform* write one module in ``transforms``: a frozen value that derives from ``kind.Kind`` and says
how it is spelled in YAML and in solution files, in words, and how it wraps a converter. Name it in ``Transform`` and
``KINDS`` there. Reading, writing, compiling, findings and both executors follow; a kind that the columnar executor does
not know runs there row by row, once for each distinct value.

*To add a pair of types* extend ``convert`` (or ``members`` for enums and choices). *To add a check* extend ``checks``,
with a code and a remedy in ``findings``.
"""
