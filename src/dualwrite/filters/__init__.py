"""Row filters: two languages, one expression tree, several ways to run it. Pure.

====================  =======================================================================================
``tree``              the expressions themselves
``odata``             ``$filter`` text to a tree and back (``odata_tokens``: its words)
``range_expression``  X++ query range text to a tree and back
``bind``              columns and types of a table for a tree; only bound trees are run (``coercion``: values)
``evaluate``          a bound tree on a row in memory
``sql``               a bound tree as a PostgreSQL condition; says what ``evaluate`` says
``columns``           which columns a tree reads
``connectives``       *and*, *or* in their flat form, and how deep a tree may be
``literals``          values that both languages spell alike
``text_case``         text without regard to case
``wildcards``         stars in finance and operations texts
====================  =======================================================================================
"""
