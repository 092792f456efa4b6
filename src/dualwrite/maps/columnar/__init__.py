"""The columnar executor: what the row executor (``maps.execute``) says of one row, for a whole frame at once.

=============  ====================================================================================================
``frames``     how rows of a table stand in a frame: names and dtypes of its columns, rows to a frame and back
``kernels``    one conversion on a whole column: by Polars where that is surely equal, else the row converter, once
               for each distinct value
``execute``    a direction of a map on a frame: the target's columns, lookups, keys, and which rows are refused
=============  ====================================================================================================

The two executors have one meaning: they share the plan and its converters, a refusal's text always comes from the row
executor, and generated maps and rows are run through both by the tests. Only what copies whole tables imports this
package, since importing Polars takes longer than most commands do.
"""
