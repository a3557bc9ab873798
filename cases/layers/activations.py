from crosscheck.case import Case

Z = {"Z": "n=5 m=7"}
FAR = {"Z": "n=3 m=17 integers"}
MANY = {"Z": "n=17 m=3"}

CASES = [
    Case("layers.activations.sigmoid", inputs=Z, why="the squashing of logistic regression"),
    Case("layers.activations.tanh", inputs=Z, why="the notes' usual hidden unit"),
    Case("layers.activations.relu", inputs=Z, why="away from its kink"),
    Case("layers.activations.relu", "kink", inputs=FAR, why="integers hit zero: the derivative there is a convention"),
    Case("layers.activations.leaky_relu", inputs=Z, why="default slope 0.01"),
    Case("layers.activations.leaky_relu", "slope", inputs=Z, arguments={"slope": 0.3}, why="another slope"),
    Case("layers.activations.leaky_relu", "dyadic", inputs=Z, arguments={"slope": 0.25}, why="an exact slope"),
    Case("layers.activations.leaky_relu", "kink", inputs=FAR, arguments={"slope": 0.2}, why="the side of zero"),
    Case("layers.activations.relu6", inputs={"Z": "n=5 m=7 threes"}, why="flat from 6 on; 0 at both kinks"),
    Case(
        "layers.activations.relu6", "between", inputs={"Z": "n=5 m=7 wide"}, why="the identity below 6, not only near 0"
    ),
    Case("layers.activations.swish", inputs=Z, why="z sigmoid(z)"),
    Case("layers.activations.softmax", inputs=Z, why="over the units of each example, not over the batch"),
    Case("layers.activations.softmax", "exact", inputs={"Z": "n=5 m=7 hard_scores"}, why="exactly 1, 1/2 and 0"),
    Case("layers.activations.hardmax", inputs=MANY, why="most units are nowhere the largest", differentiable=False),
    Case("layers.activations.hardmax", "ties", inputs=FAR, why="the first of equal maxima", differentiable=False),
    Case("layers.activations.linear", inputs=Z, why="the identity"),
]
