"""Pictures of flows.

:func:`chart_of` says what there is to draw; :func:`svg_of` and :func:`mermaid_of` draw it.
"""

from flows.drawing.chart import Chart, as_data, chart_of
from flows.drawing.mermaid import MAX_EDGES, mermaid_of
from flows.drawing.svg import svg_of

__all__ = ["MAX_EDGES", "Chart", "as_data", "chart_of", "mermaid_of", "svg_of"]
