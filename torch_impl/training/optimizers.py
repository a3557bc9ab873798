"""torch.optim's optimizers, configured to take the steps of the notes.

    gradient_descent   SGD
    momentum           SGD accumulates b := beta b + dW without the notes' (1 - beta): v = (1 - beta) b, from the first
                       step on (b = dW there), so lr = alpha (1 - beta) gives W := W - alpha v
    nesterov           the same conversion: (1 - beta) (dW + beta b) = (1 - beta) dW + beta v
    rmsprop            epsilon outside the root, as here; torch calls beta `alpha` and has 0.99
    adam               epsilon outside the root of the bias-corrected second moment
    adamw              decoupled decay, W := W - alpha lambd W, of every parameter it is given

`lr` is alpha, or alpha (1 - beta), so an `lr_scheduler.LambdaLR` of factors scales alpha in all of them.
CONVENTIONS.md, "Optimizers".
"""

import torch

from torch_impl.checks import decay_rate, non_negative, positive


def gradient_descent(parameters, alpha):
    positive("alpha", alpha)
    return torch.optim.SGD(parameters, lr=alpha)


def momentum(parameters, alpha, beta=0.9):
    positive("alpha", alpha)
    decay_rate("beta", beta)
    return torch.optim.SGD(parameters, lr=alpha * (1 - beta), momentum=beta, dampening=0)


def nesterov(parameters, alpha, beta=0.9):
    positive("alpha", alpha)
    decay_rate("beta", beta)
    # SGD refuses nesterov without momentum, where the rule is gradient descent anyway
    return torch.optim.SGD(parameters, lr=alpha * (1 - beta), momentum=beta, nesterov=beta > 0)


def rmsprop(parameters, alpha, beta=0.9, epsilon=1e-8):
    positive("alpha", alpha)
    decay_rate("beta", beta)
    positive("epsilon", epsilon)
    return torch.optim.RMSprop(parameters, lr=alpha, alpha=beta, eps=epsilon)


def adam(parameters, alpha, beta1=0.9, beta2=0.999, epsilon=1e-8):
    positive("alpha", alpha)
    decay_rate("beta1", beta1)
    decay_rate("beta2", beta2)
    positive("epsilon", epsilon)
    return torch.optim.Adam(parameters, lr=alpha, betas=(beta1, beta2), eps=epsilon)


def adamw(parameters, alpha, beta1=0.9, beta2=0.999, epsilon=1e-8, lambd=1e-2):
    positive("alpha", alpha)
    decay_rate("beta1", beta1)
    decay_rate("beta2", beta2)
    positive("epsilon", epsilon)
    non_negative("lambd", lambd)
    return torch.optim.AdamW(parameters, lr=alpha, betas=(beta1, beta2), eps=epsilon, weight_decay=lambd)
