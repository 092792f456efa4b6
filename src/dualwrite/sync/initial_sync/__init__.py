"""Initial sync: what both sides hold already is brought into step, in partitions that are copied as frames.

=================  =================================================================================================
``job``            the values: what a partition is asked to do, how its rows ended, which were refused; as JSON, too
``order``          which map comes before which, what has to be filled in a second pass, related maps
``survey``         the tables cut into partitions, packed into batches and waves
``partition``      one partition carried out in one transaction of the target
``preview``        what a run would do, without writing anything
=================  =================================================================================================

A partition goes through these: ``reading`` (``equal_rows`` where most rows are there already), ``judging`` with
``partners``, ``references``, ``filling``, ``comparison`` and ``agreement``, then ``frame_writing``, ``row_path``, and
``recheck`` behind closed gates. ``desk`` is where they meet, ``endings`` and ``written`` keep what became of each row.

``job`` and ``order`` are light; the others load Polars.
"""
