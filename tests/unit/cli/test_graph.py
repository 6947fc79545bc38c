"""The graph of a log."""

from textwrap import dedent

import pytest
from hypothesis import given
from tests.support.graphs import Graph, graphs

from zonegit_cli.render.graph import GraphLanes

PICTURES = {
    "a line of commits": (
        "c:b b:a a:",
        """
        * c
        * b
        * a
        """,
    ),
    "a branch and its merge": (
        "m:a,b b:r a:r r:",
        """
        *   m
        |\\
        | * b
        * | a
        |/
        * r
        """,
    ),
    "a merge whose first side is the older": (
        "m:r,b b:r r:",
        """
        *   m
        |\\
        | * b
        |/
        * r
        """,
    ),
    "a merge while another branch goes on": (
        "x:p m:a,b b:a a:p p:",
        """
        * x
        | *   m
        | |\\
        | | * b
        | |/
        | * a
        |/
        * p
        """,
    ),
    "a merge that pushes a lane aside": (
        "t:x,y x:a,b y:a b:a a:",
        """
        *   t
        |\\
        * |   x
        |\\ \\
        | | * y
        | |/
        |/|
        | * b
        |/
        * a
        """,
    ),
    "a beginning beside another history": (
        "m:a,b a: b:",
        """
        *   m
        |\\
        * | a
         /
        * b
        """,
    ),
    "crossed merges": (
        "t:m,n m:a,b n:b,a a:r b:r r:",
        """
        *   t
        |\\
        * |   m
        |\\ \\
        | | *  n
        | | |\\
        | |/ /
        | |/
        |/|
        * | a
        | * b
        |/
        * r
        """,
    ),
}


def draw_graph(history: str, lines: int = 1) -> str:
    """``a:b,c`` is a commit and its parents; each has as many lines of text as are asked for."""
    lanes: GraphLanes[str] = GraphLanes()
    rows: list[str] = []
    for each in history.split():
        name, _, parents = each.partition(":")
        text = [name, *("-" * (lines - 1))]
        rows += lanes.draw(name, [p for p in parents.split(",") if p], text)
    return "\n".join(rows)


@pytest.mark.parametrize("name", PICTURES)
def test_the_graph_of_a_history_is_as_drawn(name: str) -> None:
    history, picture = PICTURES[name]
    assert draw_graph(history) == dedent(picture).strip("\n").rstrip()


def test_the_text_of_a_commit_is_next_to_its_row() -> None:
    assert draw_graph("m:a,b b:r a:r r:", lines=3) == dedent(
        """
        *   m
        |\\  -
        | | -
        | * b
        | | -
        | | -
        * | a
        |/  -
        |   -
        * r
          -
          -
        """
    ).strip("\n")


@given(graphs())
def test_every_history_is_drawn_completely_and_in_order(graph: Graph) -> None:
    reached = sorted(graph.ancestors(len(graph.ids) - 1), reverse=True)
    history = " ".join(f"{at}:{','.join(map(str, graph.parents[at]))}" for at in reached)
    rows = draw_graph(history).splitlines()
    stars = [row for row in rows if "*" in row]
    assert [int(row.split()[-1]) for row in stars] == reached
    assert all(row.count("*") == 1 for row in stars)
