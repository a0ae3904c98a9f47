"""A layered layout from left to right: who leads to whom stands left of it. Pure: boxes in, coordinates out.

After Sugiyama: cycles are broken along a depth-first walk, layers are longest paths, lines over several layers get
places of their own on the way (so that no line crosses a box), the order in the layers is by barycentres, and heights
are the least-squares fit of the lines' wishes that keeps boxes apart. Everything is deterministic.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

GAP_X, GAP_Y = 76.0, 22.0
LANE = 10.0  # height that a line takes where it passes a layer
SWEEPS = 12  # of ordering and of placing; more changes nothing that one sees


@dataclass(frozen=True, slots=True)
class Box:
    """Something to place. ``port`` is where lines come in, measured from its top."""

    id: str
    width: float
    height: float
    port: float


@dataclass(frozen=True, slots=True)
class Link:
    """A line from ``source``, ``port`` below its top, to ``target``."""

    source: str
    target: str
    port: float


@dataclass(frozen=True, slots=True)
class Placed:
    """Where everything is. ``at`` are top left corners; ``lines`` the points that each line goes through."""

    at: Mapping[str, tuple[float, float]]
    lines: Mapping[int, tuple[tuple[float, float], ...]]  # by the place of the link in what was given
    width: float
    height: float


def forward(boxes: Sequence[Box], links: Sequence[Link]) -> frozenset[int]:
    """Answer the links that lead onward on a depth-first walk in the order given; the others lead back."""
    out: dict[str, list[tuple[int, str]]] = {box.id: [] for box in boxes}
    for number, link in enumerate(links):
        out[link.source].append((number, link.target))
    state: dict[str, int] = {}
    found: set[int] = set()
    for box in boxes:
        if box.id in state:
            continue
        state[box.id] = 1
        stack = [(box.id, iter(out[box.id]))]
        while stack:
            name, ways = stack[-1]
            for number, target in ways:
                if state.get(target) == 1:
                    continue  # on the way here: it leads back
                found.add(number)
                if target not in state:
                    state[target] = 1
                    stack.append((target, iter(out[target])))
                    break
            else:
                state[name] = 2
                stack.pop()
    return frozenset(found)


def place(boxes: Sequence[Box], links: Sequence[Link]) -> Placed:
    """Lay out ``boxes``; every link must lead onward, as :func:`forward` answers."""
    if not boxes:
        return Placed({}, {}, 0.0, 0.0)
    return _Placing(boxes, links).placed()


@dataclass(slots=True)
class _Spot:
    """A box, or the place of a line that passes a layer."""

    rank: int
    height: float
    port: float
    width: float = 0.0
    y: float = 0.0
    ins: list[tuple[int, float]] = field(default_factory=list)  # (spot, port there)
    outs: list[tuple[int, float]] = field(default_factory=list)  # (spot, port here)


class _Placing:
    def __init__(self, boxes: Sequence[Box], links: Sequence[Link]) -> None:
        self._boxes = boxes
        self._links = links
        ranks = _ranks(boxes, links)
        self._number = {box.id: number for number, box in enumerate(boxes)}
        self._spots = [_Spot(ranks[box.id], box.height, box.port, box.width) for box in boxes]
        self._paths: list[list[int]] = []
        for link in links:
            self._paths.append(self._path(link))
        self._layers: list[list[int]] = [[] for _ in range(max(spot.rank for spot in self._spots) + 1)]
        for number in self._walk():
            self._layers[self._spots[number].rank].append(number)

    def placed(self) -> Placed:
        self._order()
        self._heights()
        lefts = self._lefts()
        spots = self._spots
        at = {box.id: (lefts[spots[n].rank], spots[n].y) for n, box in enumerate(self._boxes)}
        lines = {number: self._points(number, lefts) for number in range(len(self._links))}
        return Placed(at, lines, lefts[-1] - GAP_X, max(spot.y + spot.height for spot in spots))

    def _path(self, link: Link) -> list[int]:
        """Answer the spots that a link passes, new ones for the layers between its ends."""
        source, target = self._number[link.source], self._number[link.target]
        path, port = [source], link.port
        for rank in range(self._spots[source].rank + 1, self._spots[target].rank):
            self._spots.append(_Spot(rank, LANE, LANE / 2))
            path.append(len(self._spots) - 1)
        path.append(target)
        for one, other in pairwise(path):
            self._spots[one].outs.append((other, port))
            self._spots[other].ins.append((one, port))
            port = LANE / 2
        return path

    def _walk(self) -> list[int]:
        """Answer the spots depth first, so that what belongs together begins together."""
        seen: dict[int, None] = {}
        for start in range(len(self._spots)):
            if start in seen or self._spots[start].ins:
                continue
            stack = [start]
            while stack:
                number = stack.pop()
                if number not in seen:
                    seen[number] = None
                    stack.extend(other for other, _ in reversed(self._spots[number].outs))
        return [*seen, *(number for number in range(len(self._spots)) if number not in seen)]

    # --- order ---

    def _order(self) -> None:
        best, fewest = [list(layer) for layer in self._layers], self._crossings()
        for sweep in range(SWEEPS):
            down = sweep % 2 == 0
            layers = self._layers[1:] if down else self._layers[-2::-1]
            place = {number: float(at) for layer in self._layers for at, number in enumerate(layer)}
            for layer in layers:
                wish = {number: self._barycentre(number, place, down) for number in layer}
                layer.sort(key=lambda number: wish[number])
                place.update((number, float(at)) for at, number in enumerate(layer))
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(layer) for layer in self._layers], crossings
        self._layers = best

    def _barycentre(self, number: int, place: Mapping[int, float], down: bool) -> float:
        spot = self._spots[number]
        if down:
            wishes = [place[other] + port / (self._spots[other].height + 1) for other, port in spot.ins]
        else:
            wishes = [place[other] for other, _ in spot.outs]
        return sum(wishes) / len(wishes) if wishes else place[number]

    def _crossings(self) -> int:
        count = 0
        place = {number: at for layer in self._layers for at, number in enumerate(layer)}
        for layer in self._layers[:-1]:
            ends: list[int] = []
            for number in layer:
                outs = sorted(self._spots[number].outs, key=lambda out: (out[1], place[out[0]]))
                for other, _ in outs:
                    count += len(ends) - bisect_left(ends, place[other] + 1)
                    insort(ends, place[other])
        return count

    # --- heights ---

    def _heights(self) -> None:
        for layer in self._layers:
            y = 0.0
            for number in layer:
                self._spots[number].y = y
                y += self._spots[number].height + GAP_Y
        for sweep in range(SWEEPS):
            layers = self._layers if sweep % 2 == 0 else self._layers[::-1]
            for layer in layers:
                self._fit(layer, [self._wish(number, sweep) for number in layer])
        top = min(spot.y for spot in self._spots)
        for spot in self._spots:
            spot.y -= top

    def _wish(self, number: int, sweep: int) -> tuple[float, float]:
        """Answer where a spot wants to be, and how much; lines over several layers want to be straight."""
        spot = self._spots[number]
        above = [self._spots[other].y + port - spot.port for other, port in spot.ins]
        below = [self._spots[other].y + self._spots[other].port - port for other, port in spot.outs]
        first, second = (above, below) if sweep % 2 == 0 else (below, above)
        wishes = first or second if sweep < SWEEPS - 2 else first + second
        if not wishes:
            return spot.y, 0.1
        return sum(wishes) / len(wishes), 1.0 if spot.width else 3.0

    def _fit(self, layer: Sequence[int], wishes: Iterable[tuple[float, float]]) -> None:
        """Put a layer where it wants to be, in order and apart: neighbours that would overlap share their wish."""
        blocks: list[list[float]] = []  # weighted wish of its top, weight, height, how many spots
        for number, (wish, weight) in zip(layer, wishes, strict=True):
            height = self._spots[number].height + GAP_Y
            block = [wish * weight, weight, height, 1]
            while blocks and blocks[-1][0] / blocks[-1][1] + blocks[-1][2] > block[0] / block[1]:
                before = blocks.pop()
                block = [
                    before[0] + block[0] - before[2] * block[1],
                    before[1] + block[1],
                    before[2] + block[2],
                    before[3] + block[3],
                ]
            blocks.append(block)
        spots = iter(layer)
        for total, weight, _, count in blocks:
            y = total / weight
            for _ in range(int(count)):
                spot = self._spots[next(spots)]
                spot.y = y
                y += spot.height + GAP_Y

    # --- across ---

    def _lefts(self) -> list[float]:
        lefts = [0.0]
        for layer in self._layers:
            widest = max((self._spots[number].width for number in layer), default=0.0)
            lefts.append(lefts[-1] + widest + GAP_X)
        return lefts

    def _points(self, number: int, lefts: Sequence[float]) -> tuple[tuple[float, float], ...]:
        path, link, spots = self._paths[number], self._links[number], self._spots
        source, target = spots[path[0]], spots[path[-1]]
        points = [(lefts[source.rank] + source.width, source.y + link.port)]
        for passed in path[1:-1]:
            spot = spots[passed]
            points += [(lefts[spot.rank], spot.y + spot.port), (lefts[spot.rank + 1] - GAP_X, spot.y + spot.port)]
        points.append((lefts[target.rank], target.y + target.port))
        return tuple(points)


def _ranks(boxes: Sequence[Box], links: Sequence[Link]) -> dict[str, int]:
    """Answer the length of the longest way to each box. Boxes that nothing leads to stand just before what follows."""
    incoming = {box.id: 0 for box in boxes}
    out: dict[str, list[str]] = {box.id: [] for box in boxes}
    for link in links:
        incoming[link.target] += 1
        out[link.source].append(link.target)
    roots = [name for name, count in incoming.items() if not count]
    ranks = dict.fromkeys(incoming, 0)
    ready = list(roots)
    for name in ready:
        for target in out[name]:
            ranks[target] = max(ranks[target], ranks[name] + 1)
            incoming[target] -= 1
            if not incoming[target]:
                ready.append(target)
    for name in roots[1:]:
        if out[name]:
            ranks[name] = max(0, min(ranks[target] for target in out[name]) - 1)
    return ranks
