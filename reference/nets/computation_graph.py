"""The smallest worked example of a pullback: the notes' computation graph.

    u = b c     v = a + u     J = 3 v               dv = 3 dJ     da = dv     du = dv     db = c du     dc = b du

Source: Course 1, week 2, "Computation graph".
"""


def computation_graph(a, b, c):
    u = b * c
    v = a + u
    J = 3 * v

    def back(dJ):
        dv = 3 * dJ
        da, du = dv, dv
        db, dc = c * du, b * du
        return da, db, dc

    return J, back
