from crosscheck.case import Case

CASES = [
    Case("nets.computation_graph.computation_graph", why="J = 3(a + bc)", inputs={"a": "k=3", "b": "k=3", "c": "k=3"}),
]
