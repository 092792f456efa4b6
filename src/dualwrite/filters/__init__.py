"""Row filters: two languages, one expression tree, several ways to run it. Pure.

A text is *parsed* into a tree, the tree is *bound* to the columns and types of a table, and bound trees are run: on a
row, in the database, on a frame. The three ways let the same rows through; tests hold them to it with generated
filters and rows. What is refused is refused by ``FilterRefused``, which points at the character.

====================  =======================================================================================
``tree``              the expressions themselves
``odata``             ``$filter`` text to a tree and back (``odata_tokens``: its words)
``range_expression``  X++ query range text to a tree and back
``hints``             what to write instead of things that the languages do not have
``bind``              columns and types of a table for a tree; only bound trees are run (``coercion``: values)
``evaluate``          a bound tree on a row in memory
``sql``               a bound tree as a PostgreSQL condition
``frame``             a bound tree as a Polars expression; only what runs on frames imports it
``columns``           which columns a tree reads
``connectives``       *and*, *or* in their flat form, and how deep a tree may be
``literals``          values that both languages spell alike
``text_case``         text without regard to case
``wildcards``         stars in finance and operations texts
====================  =======================================================================================

To add a construct to a language: a rule in its parser that yields nodes of ``tree``, and what the language lacks, with
its equivalent, to ``hints``. To add a kind of node: ``tree``, then mypy names every place that must know it.
"""
