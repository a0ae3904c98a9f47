"""What differs between two versions of a flow, in the words of those who write it.

:func:`differences` answers changes grouped by what they are in; :func:`summary` says them in one line.
"""

from flows.differences.change import Change, summary_of
from flows.differences.comparing import differences, summary

__all__ = ["Change", "differences", "summary", "summary_of"]
